/**
 * What the cut is worth, before any of its values: consistent or not, complete or why not. Said in
 * words and shapes, never by colour alone. What lies outside the record by its nature (peers without
 * our timestamp) is told calmly, below: it is no fault of this cut.
 */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { CutJson } from "../../../collector/api/shapes.ts";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import { flightDoubt, futureWords, reasonLabel, reasonSentence } from "../model/reasons.ts";
import { orderWords, type ShownCut } from "../model/shown-cut.ts";
import { clockText, plural } from "../scale/time-words.ts";
import { BendList } from "./bend-list.tsx";

/** Rows of a list of reasons; the rest is counted. */
const MAX_REASONS = 20;

export function CutVerdict({
  app,
  cut,
}: {
  readonly app: App;
  readonly cut: ShownCut;
}): JSX.Element {
  const { json, at } = cut;
  const nodes = new Set(json.incomplete.map(({ node }) => node)).size;
  const doubt = flightDoubt(json);
  const future = futureWords(at, app.watch.facts.value?.now);
  return (
    <div class="verdict">
      <ul class="badges" aria-label="What this cut is worth">
        <Badge good={json.consistent} text={orderBadge(cut)} />
        <Badge
          good={json.complete}
          text={json.complete ? "Complete" : `Incomplete: ${plural(nodes, "node")}`}
        />
        <li class="badge plain">
          <button
            type="button"
            title={doubt === undefined ? "" : `Perhaps more: ${doubt}`}
            onClick={() => app.verbs.openTab("flight")}
          >
            {json.inFlight.length} in flight{doubt === undefined ? "" : ", perhaps more"}
          </button>
        </li>
      </ul>
      {future !== undefined && <p class="reasons">This time is {future}.</p>}
      {future === undefined && json.incomplete.length > 0 && <Reasons json={json} at={at} />}
      {/* Where nodes are incomplete, the reasons above say it already. */}
      {doubt !== undefined && json.complete && <p class="hint">In flight: {doubt}.</p>}
      {cut.bends !== null && <BendList app={app} cut={cut} />}
      {!json.consistent && cut.bends === null && <Violations json={json} why={cut.unbent} />}
      {json.unchecked.length > 0 && <Unchecked json={json} />}
    </div>
  );
}

function orderBadge(cut: ShownCut): string {
  if (cut.json.consistent) return "Consistent";
  return cut.bends === null ? "Inconsistent" : `Inconsistent: ${orderWords(cut)}`;
}

function Badge({ good, text }: { readonly good: boolean; readonly text: string }): JSX.Element {
  return (
    <li class={good ? "badge good" : "badge bad"}>
      <span aria-hidden="true">{good ? "✓" : "!"}</span> {text}
    </li>
  );
}

function Reasons({ json, at }: { readonly json: CutJson; readonly at: ShownCut["at"] }) {
  const more = (json.totals?.incomplete ?? json.incomplete.length) - MAX_REASONS;
  return (
    <ul class="reasons">
      {json.incomplete.slice(0, MAX_REASONS).map((one, place) => (
        <li key={`${one.node} ${one.reason} ${place}`}>
          <b>{one.node}</b> <span class="sign warn">{reasonLabel(one.reason)}</span>{" "}
          {reasonSentence(one, at)}.
        </li>
      ))}
      {more > 0 && <li>and {plural(more, "more reason")}.</li>}
    </ul>
  );
}

interface ViolationsProps {
  readonly json: CutJson;
  /** Why no consistent cut inside it is shown; null while it is being looked for. */
  readonly why: string | null;
}

function Violations({ json, why }: ViolationsProps): JSX.Element {
  const more = (json.totals?.violations ?? json.violations.length) - MAX_REASONS;
  return (
    <div class="reasons">
      <p>
        Some node holds an effect whose cause lies outside this cut: these messages were received
        before they were sent, by their timestamps.{" "}
        {why === null
          ? "Looking for the largest consistent cut inside…"
          : `The largest consistent cut inside is not shown: ${why}.`}
      </p>
      <ul>
        {json.violations.slice(0, MAX_REASONS).map(({ send, receive, channel }) => (
          <li key={`${receive.node}/${receive.epoch}/${receive.seq}`}>
            <b>
              {channel.from} → {channel.to}
            </b>
            : sent {clockText(ticksOf(send.at))}, received {clockText(ticksOf(receive.at))}
          </li>
        ))}
      </ul>
      {more > 0 && <p>and {plural(more, "more message")}</p>}
    </div>
  );
}

/** No counts: they are running totals of the collector, not of this cut. */
function Unchecked({ json }: { readonly json: CutJson }): JSX.Element {
  const isOpen = useSignal(false);
  return (
    <div class="unchecked">
      <button
        type="button"
        class="disclose"
        aria-expanded={isOpen.value}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        <span class="chevron" aria-hidden="true" />
        {plural(json.unchecked.length, "channel")} from outside the record
      </button>
      {isOpen.value && (
        <div class="aside">
          <p>
            Messages on these channels carry no timestamp of ours, since the other side runs no
            agent. Order across them cannot be checked; between all recorded nodes it is.
          </p>
          <ul>
            {json.unchecked.map(({ from, to, peer }) => (
              <li key={`${from} ${to} ${peer}`}>
                {from ?? peer} → {to ?? peer}
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}
