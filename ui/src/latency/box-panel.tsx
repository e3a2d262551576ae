/** What is in the box, against the rest of the view: fields by how far they differ, then the requests themselves. */
import "../styles/latency.css";
import { effect, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { App } from "../app.ts";
import type { LatencyBox } from "../model/choices.ts";
import { clockText, countText, durationText, plural } from "../scale/time-words.ts";
import { FailureNotice } from "../view/notices.tsx";
import { BoxForm } from "./box-form.tsx";
import { BoxRequestRows } from "./box-request-rows.tsx";
import {
  contrast,
  type FieldContrast,
  factsOf,
  type ListedCell,
  type ValueContrast,
} from "./contrast.ts";
import { countIn } from "./heat-map.ts";
import { bandText } from "./latency-box.ts";
import { chooseBox, latencyDesk } from "./latency-desk.ts";
import { type BoxRequests, MAX_AT_BOX, MAX_BESIDE } from "./read-box.ts";

/** Values shown of a field. */
const MAX_VALUES = 6;
/** Fields that differ by less are told in one line. */
const LEAST_DIFFERENCE = 0.005;

export function BoxPanel({
  app,
  box,
}: {
  readonly app: App;
  readonly box: LatencyBox;
}): JSX.Element {
  const { boxed } = app.answers;
  useEffect(
    () =>
      effect(() => {
        const chosen = app.choices.box.value;
        const view = app.choices.viewport.value;
        if (chosen !== null && view !== null) boxed.ask({ box: chosen, view });
      }),
    [app, boxed],
  );
  const answered = boxed.answered.value;
  const isOurs = answered?.question.box === app.choices.box.value;
  const failure = boxed.failure.value;
  return (
    <section class="box" aria-label="Box" data-stale={!isOurs} aria-busy={boxed.pending.value}>
      <div class="panel-title">
        <h2>Box on the heat map</h2>
        <button
          type="button"
          class="tool"
          aria-label="Put the box away"
          onClick={() => chooseBox(app, null)}
        >
          ✕
        </button>
      </div>
      <p>
        {clockText(box.from)}, {durationText(box.to - box.from)} long; {bandText(box.lowUs)} to{" "}
        {bandText(box.highUs)}
      </p>
      <BoxForm app={app} box={box} />
      {failure !== null && !failure.isLost && (
        <FailureNotice
          failure={failure}
          what="The requests of the box could not be read."
          retry={() => boxed.retry()}
        />
      )}
      {answered === null ? (
        failure === null && <p class="hint">Reading requests…</p>
      ) : (
        <Comparison app={app} box={answered.question.box} found={answered.answer} />
      )}
    </section>
  );
}

interface ComparisonProps {
  readonly app: App;
  readonly box: LatencyBox;
  readonly found: BoxRequests;
}

function Comparison({ app, box, found }: ComparisonProps): JSX.Element {
  const listed = useSignal<ListedCell | null>(null);
  const { inBox, rest, fields } = useMemo(() => {
    const [here, there] = [found.box.map(factsOf), found.rest.map(factsOf)];
    return { inBox: here, rest: there, fields: contrast(here, there) };
  }, [found]);
  const differing = fields.filter(({ difference }) => difference >= LEAST_DIFFERENCE);
  const alike = fields.filter(({ difference }) => difference < LEAST_DIFFERENCE);
  const chosen = listed.value;
  const shown = (chosen?.isInBox === false ? rest : inBox).filter(
    ({ values }) => chosen === null || values[chosen.field].includes(chosen.value),
  );
  return (
    <>
      <Counts app={app} box={box} found={found} />
      {inBox.length > 0 && (
        <>
          <p class="box-key">
            <span>
              <i class="bar in-box" aria-hidden="true" /> in the box
            </span>
            <span>
              <i class="bar in-rest" aria-hidden="true" /> rest of the view
            </span>
          </p>
          {differing.map((field) => (
            <FieldTable
              key={field.field}
              contrast={field}
              listed={listed.value}
              onList={(cell) => {
                listed.value = cell;
              }}
            />
          ))}
          {alike.length > 0 && (
            <p class="hint">No difference in {alike.map(({ field }) => field).join(", ")}.</p>
          )}
          <BoxRequestRows
            app={app}
            requests={shown}
            cell={chosen}
            onAll={() => {
              listed.value = null;
            }}
          />
        </>
      )}
    </>
  );
}

/** How many there are, and how many were read; what the heat map counts where that is another number. */
function Counts({ app, box, found }: ComparisonProps): JSX.Element {
  const maps = latencyDesk(app).maps.value;
  const side = app.choices.latencySide.value;
  const counted = maps === null || side !== "server" ? null : countIn(maps.server, box);
  const count = found.box.length;
  const differs = counted !== null && counted !== count && !found.isBoxShortened;
  return (
    <p class="hint" role="status">
      {count === 0 ? "No request that was recorded lies in the box" : plural(count, "request")}
      {count > 0 && ` in the box, ${countText(found.rest.length)} in the rest of the view`}.
      {found.isBoxShortened && ` More are there: ${countText(MAX_AT_BOX)} were read.`}
      {!found.isBoxShortened &&
        found.isRestShortened &&
        ` Of the rest ${countText(MAX_BESIDE)} were read on each side at most.`}
      {differs &&
        ` The heat map counts ${countText(counted)}: by the raw clocks of the nodes, also where single requests were not recorded.`}
      {!found.isComplete && " Perhaps not all that was recorded is known yet."}
      {side === "caller" && " These are requests as their servers saw them."}
    </p>
  );
}

interface FieldTableProps {
  readonly contrast: FieldContrast;
  readonly listed: ListedCell | null;
  readonly onList: (cell: ListedCell) => void;
}

function FieldTable({
  contrast: { field, values, difference },
  listed,
  onList,
}: FieldTableProps): JSX.Element {
  const cell = (value: ValueContrast, isInBox: boolean) => {
    const [share, count] = isInBox
      ? [value.boxShare, value.inBox]
      : [value.restShare, value.inRest];
    const isListed =
      listed?.field === field && listed.value === value.value && listed.isInBox === isInBox;
    return (
      <td class="share">
        <button
          type="button"
          class="link"
          aria-pressed={isListed}
          aria-label={`${field} ${value.value}, ${isInBox ? "in the box" : "in the rest"}: ${percent(share)}, list ${plural(count, "request")}`}
          disabled={count === 0}
          onClick={() => onList({ field, value: value.value, isInBox })}
        >
          <span>{percent(share)}</span>
          <i
            class={`bar ${isInBox ? "in-box" : "in-rest"}`}
            aria-hidden="true"
            ref={(bar) => bar?.style.setProperty("--share", String(share))}
          />
        </button>
      </td>
    );
  };
  return (
    <table class="contrast">
      <caption>
        <b>{field}</b> differs by {percent(difference)}
      </caption>
      <thead class="sr-only">
        <tr>
          <th scope="col">{field}</th>
          <th scope="col">In the box</th>
          <th scope="col">In the rest</th>
        </tr>
      </thead>
      <tbody>
        {values.slice(0, MAX_VALUES).map((value) => (
          <tr key={value.value}>
            <th scope="row">{value.value}</th>
            {cell(value, true)}
            {cell(value, false)}
          </tr>
        ))}
        {values.length > MAX_VALUES && (
          <tr>
            <td colSpan={3}>{plural(values.length - MAX_VALUES, "more value")}</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

/** Whole percent, but nothing that is there is called 0 %, and nothing short of all 100 %. */
function percent(share: number): string {
  if (share > 0 && share < 0.005) return "<1 %";
  if (share < 1 && share >= 0.995) return ">99 %";
  return `${Math.round(share * 100)} %`;
}
