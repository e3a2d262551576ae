/**
 * State: what the whole system held at the cut. While a newer cut is on its way the last state stays,
 * dimmed, under its own time: a value is never shown under a time that is not its own.
 */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { App } from "../app.ts";
import type { CutAnswer } from "../model/answers.ts";
import type { StateOrder } from "../model/choices.ts";
import { glancedCut } from "../model/shown-cut.ts";
import { changedRows, disagreements } from "../model/state-rows.ts";
import { exactClockText, plural } from "../scale/time-words.ts";
import { FailureNotice } from "../view/notices.tsx";
import { CutVerdict } from "./cut-verdict.tsx";
import { StateByNode } from "./state-by-node.tsx";
import { StateByVariable } from "./state-by-variable.tsx";
import { VariablePanel } from "./variable-panel.tsx";

const ORDERS: readonly (readonly [StateOrder, string])[] = [
  ["node", "By node"],
  ["variable", "By variable"],
];

const NONE_CHANGED: ReadonlySet<string> = new Set();

export function StatePanel({ app }: { readonly app: App }): JSX.Element {
  const filter = app.stateFilter;
  const { cut } = app.answers;
  const shown = app.shownCut.value;
  const failure = cut.failure.value;
  const asked = app.choices.cut.value;
  const variable = app.choices.variable.value;
  if (variable !== null) return <VariablePanel app={app} variable={variable} />;
  if (failure !== null && !failure.isLost) return <CutFailure app={app} />;
  if (shown === null)
    return <p class="hint">{asked === null ? "No cut yet." : "Asking for the state…"}</p>;
  const order = app.choices.stateOrder.value;
  const glance = order === "node" ? app.glance.value : null;
  const drawn = glance === null ? shown : glancedCut(shown, glance);
  return (
    <div class="state" data-stale={drawn.at !== asked} aria-busy={drawn.at !== asked}>
      <div class="panel-title">
        <h2>
          State at <ExactTime t={drawn.at} />
        </h2>
        {drawn.at !== asked && <span class="sign">updating</span>}
      </div>
      {/* While the cut moves the words about the last one keep their place, unseen: nothing below jumps. */}
      <div class="of-whole">
        {glance !== null && <p class="hint">Of the nodes in sight. The rest follows.</p>}
        <div class="whole-words" data-away={glance !== null}>
          <CutVerdict app={app} cut={shown} />
          <Disagreements app={app} cut={shown} />
        </div>
      </div>
      <div class="state-tools">
        <input
          type="search"
          class="filter"
          placeholder="Filter logs and variables"
          aria-label="Filter logs and variables"
          value={filter.value}
          onInput={(event) => {
            filter.value = event.currentTarget.value;
          }}
        />
        <div class="buttons" role="group" aria-label="Arrangement">
          {ORDERS.map(([one, name]) => (
            <button
              key={one}
              type="button"
              class="tool"
              aria-pressed={one === order}
              onClick={() => {
                app.choices.stateOrder.value = one;
              }}
            >
              {name}
            </button>
          ))}
        </div>
      </div>
      {order === "node" ? (
        <StateByNode
          app={app}
          cut={drawn}
          filter={filter.value}
          changed={glance === null ? changedRows(app) : NONE_CHANGED}
        />
      ) : (
        <StateByVariable app={app} cut={shown} filter={filter.value} changed={changedRows(app)} />
      )}
    </div>
  );
}

/** The digits below a millisecond are set apart: they tell order, not time. */
function ExactTime({ t }: { readonly t: CutAnswer["at"] }): JSX.Element {
  const [clock, low] = exactClockText(t).split("+");
  return (
    <time>
      {clock}
      <span class="low" title="What comes after + tells apart the moments within one millisecond">
        +{low}
      </span>
    </time>
  );
}

/** Do the replicas agree? Said before anybody asks, with the way to the side-by-side view. */
function Disagreements({
  app,
  cut,
}: {
  readonly app: App;
  readonly cut: CutAnswer;
}): JSX.Element | null {
  const found = useMemo(() => disagreements(cut.json), [cut.json]);
  if (app.choices.stateOrder.value === "variable" || found.length === 0) return null;
  return (
    <ul class="disagreements" aria-label="Variables that differ between nodes">
      {found.map(({ service, count, nodeCount }) => (
        <li key={service}>
          <span>
            {plural(count, "variable")} {count === 1 ? "differs" : "differ"} between the{" "}
            {plural(nodeCount, "node")} of {service}
          </span>
          <button
            type="button"
            class="tool"
            onClick={() => {
              app.choices.stateOrder.value = "variable";
            }}
          >
            Side by side<span class="sr-only">: the nodes of {service}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function CutFailure({ app }: { readonly app: App }): JSX.Element {
  const failure = app.answers.cut.failure.value;
  if (failure === null) return <p />;
  const { earliest } = failure;
  return (
    <FailureNotice
      failure={failure}
      what="There is no state for this time."
      retry={() => app.answers.cut.retry()}
    >
      {earliest === undefined ? undefined : (
        <button type="button" onClick={() => app.verbs.moveCut(earliest, true)}>
          Go to the earliest time
        </button>
      )}
    </FailureNotice>
  );
}
