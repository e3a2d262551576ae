/** Below the variables of Diff: messages in flight, nodes and latency, before and after. */
import type { JSX } from "preact";
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { CutJson } from "../../../collector/api/shapes.ts";
import type { App } from "../app.ts";
import { flightDiff, type LatencyFacts, nodeChanges } from "../model/diff-facts.ts";
import type { DiffSides } from "../model/diff-sides.ts";
import { countText, durationText, microsText, plural } from "../scale/time-words.ts";
import { FailureNotice } from "../view/notices.tsx";
import { OlderPair } from "./older-pair.tsx";

interface BesideProps {
  readonly app: App;
  /** The cuts that are compared now, in either order. */
  readonly one: Hlc;
  readonly two: Hlc;
}

export function DiffBeside({ app, one, two }: BesideProps): JSX.Element {
  const { sides } = app.answers;
  const answered = sides.answered.value;
  const failure = sides.failure.value;
  if (failure !== null && !failure.isLost) {
    return (
      <FailureNotice
        failure={failure}
        what="Messages, nodes and latency could not be compared."
        retry={() => sides.retry()}
      />
    );
  }
  if (answered === null) return <p class="hint">Comparing messages, nodes and latency…</p>;
  const { before, after } = answered.answer;
  const { from, to } = answered.question;
  const isCurrent = from === Math.min(one, two) && to === Math.max(one, two);
  return (
    <div class="beside" data-stale={!isCurrent} aria-busy={!isCurrent}>
      {!isCurrent && <OlderPair from={from} to={to} isPending={sides.pending.value} />}
      <Flight before={before.cut} after={after.cut} />
      <Nodes before={before.cut} after={after.cut} />
      <Latency sides={answered.answer} />
    </div>
  );
}

interface CutsProps {
  readonly before: CutJson;
  readonly after: CutJson;
}

function Flight({ before, after }: CutsProps): JSX.Element {
  const diff = flightDiff(before, after);
  const isCertain = before.inFlightComplete && after.inFlightComplete;
  return (
    <section aria-label="Messages in flight">
      <h3>In flight</h3>
      <p>
        <b>
          {countText(diff.before)} → {countText(diff.after)}
        </b>
        : {plural(diff.arrived, "message")} arrived or given up, {countText(diff.sent)} sent since,{" "}
        {countText(diff.still)} under way at both.
        {!isCertain && <span class="sign warn">perhaps more</span>}
      </p>
    </section>
  );
}

function Nodes({ before, after }: CutsProps): JSX.Element {
  const changes = nodeChanges(before, after);
  return (
    <section aria-label="Nodes">
      <h3>Nodes</h3>
      <p>
        <b>
          {countText(before.members.length)} → {countText(after.members.length)}
        </b>
        {changes.length === 0 && ": the same, and known as well."}
      </p>
      {changes.length > 0 && (
        <ul>
          {changes.map(({ node, what }) => (
            <li key={node}>
              <b>{node}</b> {what}
            </li>
          ))}
        </ul>
      )}
      {[before, after].some(({ consistent }) => !consistent) && (
        <p>
          <span class="sign warn">inconsistent</span>{" "}
          {before.consistent
            ? "at the later cut"
            : after.consistent
              ? "at the earlier cut"
              : "at both"}
          : compared are the cuts by time.
        </p>
      )}
    </section>
  );
}

function Latency({ sides: { before, after, spanTicks } }: { readonly sides: DiffSides }) {
  const services = new Map<string, { one?: LatencyFacts; two?: LatencyFacts }>();
  for (const one of before.latency) services.set(one.service, { one });
  for (const two of after.latency) services.set(two.service, { ...services.get(two.service), two });
  const isShort = before.isShortened || after.isShortened;
  return (
    <section aria-label="Latency">
      <h3>Latency of requests, in the {durationText(spanTicks)} before each cut</h3>
      {services.size === 0 ? (
        <p class="hint">No request ended then.</p>
      ) : (
        <table class="latency-rows">
          <thead>
            <tr>
              <th scope="col">Service</th>
              <th scope="col">Requests</th>
              <th scope="col">p50</th>
              <th scope="col">p95</th>
              <th scope="col">max</th>
            </tr>
          </thead>
          <tbody>
            {[...services].map(([service, { one, two }]) => (
              <tr key={service}>
                <th scope="row">{service}</th>
                <td>{pair(one?.count, two?.count, countText)}</td>
                <td>{pair(one?.p50Us, two?.p50Us, microsText)}</td>
                <td>{pair(one?.p95Us, two?.p95Us, microsText)}</td>
                <td>{pair(one?.maxUs, two?.maxUs, microsText)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {isShort && <p class="hint">Only the latest requests were read, as there are very many.</p>}
    </section>
  );
}

function pair(one: number | undefined, two: number | undefined, words: (n: number) => string) {
  const text = (value: number | undefined) => (value === undefined ? "–" : words(value));
  return `${text(one)} → ${text(two)}`;
}
