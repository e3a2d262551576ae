/** Diff: what differs between cut 1 (fixed) and cut 2 (the moving line), from the earlier to the later. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { BeforeAfterJson, DiffJson } from "../../../collector/api/shapes.ts";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import { stretchOf } from "../model/measure.ts";
import { hasParts } from "../model/path-diff.ts";
import { reasonLabel } from "../model/reasons.ts";
import { changeSign, sideText } from "../model/value-text.ts";
import { clockText, countText, durationText, plural } from "../scale/time-words.ts";
import { FailureNotice } from "../view/notices.tsx";
import { DiffBeside } from "./diff-beside.tsx";
import { DiffParts } from "./diff-parts.tsx";
import { OlderPair } from "./older-pair.tsx";

/** Rows shown; beyond it, a narrower range tells more. */
const MAX_ROWS = 500;

export function DiffPanel({ app }: { readonly app: App }): JSX.Element {
  const one = app.choices.fixedCut.value;
  const two = app.choices.cut.value;
  const { diff } = app.answers;
  if (one === null || two === null) {
    return (
      <div class="invite">
        <h2>Compare two moments</h2>
        <p>
          Fix cut 1 where the line stands now, then move the line: what changed in between is listed
          here.
        </p>
        <button type="button" class="primary" onClick={() => app.verbs.fixCut()}>
          Fix cut 1 here <kbd>X</kbd>
        </button>
      </div>
    );
  }
  const answer = diff.answered.value?.answer;
  const failure = diff.failure.value;
  return (
    <div class="diff">
      <div class="panel-title">
        <h2>Diff</h2>
        <div class="buttons" role="group" aria-label="Cuts">
          <button
            type="button"
            class="tool"
            title="Swap cut 1 and cut 2 (Shift+X)"
            onClick={() => app.verbs.swapCuts()}
          >
            Swap
          </button>
          <button
            type="button"
            class="tool"
            title="Length, events and requests from cut to cut; the same as a drag on the ruler"
            onClick={() => app.verbs.measure(stretchOf(one, two))}
          >
            Measure
          </button>
          <button type="button" class="tool" onClick={() => app.verbs.releaseFixedCut()}>
            Let go
          </button>
        </div>
      </div>
      <p class="two-cuts">
        <span class="numeral one">1</span> {clockText(one)}
        <span class="numeral two">2</span> {clockText(two)}
        <b>
          {one === two
            ? "the same moment"
            : `${durationText(two - one)} ${two > one ? "later" : "earlier"}`}
        </b>
      </p>
      {failure !== null && !failure.isLost && (
        <FailureNotice
          failure={failure}
          what="The two cuts could not be compared."
          retry={() => diff.retry()}
        />
      )}
      {answer !== undefined && <Changes answer={answer} one={one} two={two} app={app} />}
      {answer === undefined && failure === null && <p class="hint">Comparing…</p>}
      {one !== two && <DiffBeside app={app} one={one} two={two} />}
    </div>
  );
}

interface ChangesProps {
  readonly app: App;
  readonly answer: DiffJson;
  readonly one: number;
  readonly two: number;
}

function Changes({ app, answer, one, two }: ChangesProps): JSX.Element {
  const [from, to] = [ticksOf(answer.from), ticksOf(answer.to)];
  const isCurrent = from === Math.min(one, two) && to === Math.max(one, two);
  const rows = answer.changes.slice(0, MAX_ROWS);
  return (
    <div data-stale={!isCurrent} aria-busy={!isCurrent}>
      {isCurrent ? (
        <p class="hint">
          From {clockText(from)} to {clockText(to)}: {differWords(app, answer)}
        </p>
      ) : (
        <OlderPair from={from} to={to} isPending={app.answers.diff.pending.value}>
          {differWords(app, answer)}
        </OlderPair>
      )}
      {!answer.complete && (
        <p class="reasons">
          Incomplete:{" "}
          {answer.incomplete.map(({ node, reason }) => `${node} ${reasonLabel(reason)}`).join(", ")}
          .
        </p>
      )}
      {rows.length > 0 && (
        <table class="changes">
          <caption class="sr-only">
            Variables that differ, with their values before and after
          </caption>
          <thead>
            <tr>
              <th scope="col">Variable</th>
              <th scope="col">Before {isCurrent && <Numeral isOne={one <= two} />}</th>
              <th scope="col">After {isCurrent && <Numeral isOne={one > two} />}</th>
              <th scope="col" class="number">
                <abbr title="number of changes in between">Changes</abbr>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <ChangeRow key={`${row.node}\n${row.log}\n${row.key}`} app={app} row={row} />
            ))}
          </tbody>
        </table>
      )}
      {answer.changes.length > MAX_ROWS && (
        <p class="hint">
          {plural(answer.changes.length - MAX_ROWS, "more variable")}: bring the cuts closer
          together.
        </p>
      )}
    </div>
  );
}

function differWords(app: App, answer: DiffJson): string {
  const { length } = answer.changes;
  if (length === 0) return "no variable differs.";
  const differ = length === 1 ? "differs" : "differ";
  return `${plural(length, "variable")} ${differ}${unchangedWords(app, answer)}.`;
}

/** How many variables both cuts hold alike, where the later one is the cut whose state is here. */
function unchangedWords({ shownCut }: App, answer: DiffJson): string {
  const shown = shownCut.value;
  if (shown === null || shown.at !== ticksOf(answer.to)) return "";
  const held = Object.values(shown.json.nodes).reduce(
    (sum, { logs }) =>
      sum + Object.values(logs).reduce((count, log) => count + Object.keys(log).length, 0),
    0,
  );
  const inBoth = answer.changes.filter(({ after }) => after !== undefined).length;
  return `, ${countText(Math.max(0, held - inBoth))} unchanged`;
}

/** Each cut keeps its own numeral and colour, whichever is the earlier. */
function Numeral({ isOne }: { readonly isOne: boolean }): JSX.Element {
  return <span class={isOne ? "numeral one" : "numeral two"}>{isOne ? "1" : "2"}</span>;
}

interface RowProps {
  readonly app: App;
  readonly row: DiffJson["changes"][number];
}

/** What has parts can be opened: only then are they compared. */
function ChangeRow({ app, row }: RowProps): JSX.Element {
  const isOpen = useSignal(false);
  const { node, log, key, before, after } = row;
  const hue = app.watch.facts.value?.nodes.find((one) => one.node === node)?.hue ?? 0;
  const canOpen =
    before !== undefined && after !== undefined && hasParts(before) && hasParts(after);
  const name = (
    <>
      {log} / {key}
    </>
  );
  return (
    <>
      <tr>
        <th scope="row">
          <Sign change={row} />
          <i class={`swatch hue-${hue}`} aria-hidden="true" /> {node}
          <span class="log">
            {canOpen ? (
              <button
                type="button"
                class="disclose"
                aria-expanded={isOpen.value}
                title="Which parts differ"
                onClick={() => {
                  isOpen.value = !isOpen.value;
                }}
              >
                <span class="chevron" aria-hidden="true" />
                {name}
              </button>
            ) : (
              name
            )}
          </span>
        </th>
        <td data-absent={before === undefined}>{sideText(before, row.beforeUnknown)}</td>
        <td data-absent={after === undefined}>{sideText(after, row.afterUnknown)}</td>
        <td class="number">{row.count}</td>
      </tr>
      {isOpen.value && before !== undefined && after !== undefined && (
        <tr class="opened">
          <td colSpan={4}>
            <DiffParts before={before} after={after} />
          </td>
        </tr>
      )}
    </>
  );
}

function Sign({ change }: { readonly change: BeforeAfterJson }): JSX.Element {
  const [shown, name] = changeSign(change);
  return (
    <span class={`diff-sign ${name}`} title={name}>
      <span aria-hidden="true">{shown}</span>
      <span class="sr-only">{name}:</span>
    </span>
  );
}
