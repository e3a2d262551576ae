/** Above the heat map: which side, chart or table, what the colours and lines mean, what the pointer is on. */
import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import type { App } from "../app.ts";
import { reasonSentence } from "../model/reasons.ts";
import { clockText, countText, durationText, microsText, plural } from "../scale/time-words.ts";
import { FailureNotice } from "../view/notices.tsx";
import { columnsIn, type HeatMap } from "./heat-map.ts";
import { bandText } from "./latency-box.ts";
import { type HeatHover, latencyDesk } from "./latency-desk.ts";
import { LINE_NAMES, lineValue } from "./latency-lines.ts";
import { latencyQuestion } from "./latency-window.ts";

const SIDES = [
  ["server", "Served"],
  ["caller", "Called"],
] as const;

interface ToolsProps {
  readonly app: App;
  readonly isTable: Signal<boolean>;
}

export function StripTools({ app, isTable }: ToolsProps): JSX.Element {
  const { latencySide } = app.choices;
  const desk = latencyDesk(app);
  const map = desk.maps.value?.[latencySide.value];
  const hover = desk.hover.value;
  return (
    <div class="latency-tools">
      <fieldset class="buttons">
        <legend class="sr-only">Whose view of latency</legend>
        {SIDES.map(([side, label]) => (
          <button
            key={side}
            type="button"
            class="tool"
            aria-pressed={latencySide.value === side}
            title={
              side === "server"
                ? "Requests as those saw them who served them"
                : "Calls as their callers saw them, by the second"
            }
            onClick={() => {
              latencySide.value = side;
            }}
          >
            {label}
          </button>
        ))}
      </fieldset>
      <button
        type="button"
        class="tool"
        aria-pressed={isTable.value}
        onClick={() => {
          isTable.value = !isTable.value;
        }}
      >
        Table
      </button>
      <Doubt app={app} />
      {hover === null ? <Legend app={app} map={map} /> : <Readout hover={hover} />}
    </div>
  );
}

function Legend({
  app,
  map,
}: {
  readonly app: App;
  readonly map: HeatMap | undefined;
}): JSX.Element {
  const other = app.choices.latencySide.value === "server" ? "callers'" : "servers'";
  return (
    <p class="latency-legend">
      {map !== undefined && map.most > 0 && (
        <span>
          1 <i class="ramp" aria-hidden="true" /> {plural(map.most, "request")} in{" "}
          {durationText(map.windowTicks)}
        </span>
      )}
      {LINE_NAMES.map((name) => (
        <span key={name}>
          <i class={`line ${name}`} aria-hidden="true" /> {name}
        </span>
      ))}
      <span>
        <i class="line other" aria-hidden="true" /> {other} p99
      </span>
    </p>
  );
}

/** The heat map in words, where the pointer is; the table says the same to everybody. */
function Readout({ hover: { column, band } }: { readonly hover: HeatHover }): JSX.Element {
  const count = column.cells.find(({ lowUs }) => lowUs === band.lowUs)?.count ?? 0;
  return (
    <p class="latency-legend" aria-hidden="true">
      <span>
        <b>{clockText(column.from)}</b> {bandText(band.lowUs)} – {bandText(band.highUs)}:{" "}
        <b>{plural(count, "request")}</b>
      </span>
      <span>of {countText(column.json.count)} in this window</span>
      {LINE_NAMES.map((name) => {
        const us = lineValue(column.json, name);
        return (
          <span key={name}>
            {name} {us === null ? "–" : microsText(us)}
          </span>
        );
      })}
    </p>
  );
}

/** Why there is nothing to see, or perhaps not all. */
export function StripState({ app }: { readonly app: App }): JSX.Element | null {
  const { latency } = app.answers;
  const view = app.choices.viewport.value;
  const maps = latencyDesk(app).maps.value;
  const failure = latency.failure.value;
  if (view === null) return null;
  if (latencyQuestion(view, app.plotWidth.value) === null) {
    return (
      <p class="latency-notice" role="status">
        Latencies are shown for a day or less: zoom in to see them.
      </p>
    );
  }
  if (failure !== null && !failure.isLost) {
    return (
      <div class="latency-notice">
        <FailureNotice
          failure={failure}
          what="The latencies could not be loaded."
          retry={() => latency.retry()}
        />
      </div>
    );
  }
  if (maps === null) {
    return (
      <p class="latency-notice" role="status">
        Asking for latencies…
      </p>
    );
  }
  const side = app.choices.latencySide.value;
  const isEmpty = columnsIn(maps[side], view).length === 0;
  if (isEmpty && !latency.pending.value) {
    return (
      <p class="latency-notice" role="status">
        {side === "server" ? "No request" : "No call"} is known to have ended in this view. Agents
        tell of them that were started with <code>requests: true</code>.
      </p>
    );
  }
  return null;
}

/** On the lanes hatching says it; here a sign does, with the reasons behind it. */
function Doubt({ app }: { readonly app: App }): JSX.Element | null {
  const answered = app.answers.latency.answered.value;
  if (answered === null || answered.answer.complete) return null;
  const { incomplete } = answered.answer;
  const reasons = incomplete
    .slice(0, 5)
    .map((one) => `${one.node} ${reasonSentence(one, answered.question.to)}`);
  return (
    <p title={reasons.join("\n")}>
      <span class="sign warn">perhaps not all</span>
      <span class="sr-only">: {reasons.join("; ")}</span>
    </p>
  );
}
