/** The panel: tabs by the pattern of the ARIA practices guide (arrows move, one tab stop). */
import type { ComponentType, JSX } from "preact";
import type { App } from "../app.ts";
import { TABS, type Tab } from "../model/choices.ts";
import { episodesIn } from "../model/episode-book.ts";
import { EventPanel } from "./event-panel.tsx";
import { FlightPanel } from "./flight-panel.tsx";
import { panelOnDemand } from "./panel-on-demand.tsx";
import { StatePanel } from "./state-panel.tsx";

const NAMES: Readonly<Record<Tab, string>> = {
  state: "State",
  diff: "Diff",
  flight: "In flight",
  query: "Query",
  event: "Events",
  bottlenecks: "Bottlenecks",
};
const BODIES: Readonly<Record<Tab, ComponentType<{ readonly app: App }>>> = {
  state: StatePanel,
  diff: panelOnDemand(async () => (await import("./diff-panel.tsx")).DiffPanel),
  flight: FlightPanel,
  query: panelOnDemand(async () => (await import("./query-panel.tsx")).QueryPanel),
  event: EventPanel,
  bottlenecks: panelOnDemand(async () => (await import("./bottleneck-panel.tsx")).BottleneckPanel),
};

export function Panel({ app }: { readonly app: App }): JSX.Element {
  const open = app.choices.tab.value;
  const Body = BODIES[open];
  const view = app.choices.viewport.value;
  const episodeCount = view === null ? 0 : episodesIn(app.episodes.list.value, view).length;
  const inFlight = app.shownCut.value?.json.inFlight.length;
  return (
    <section class="panel" aria-label="Details">
      <div
        class="tabs"
        role="tablist"
        aria-label="Details"
        onKeyDown={(event) => onKey(app, event)}
      >
        {TABS.map((tab) => (
          <button
            key={tab}
            type="button"
            role="tab"
            id={`tab-${tab}`}
            aria-selected={tab === open}
            aria-controls="panel-body"
            tabIndex={tab === open ? 0 : -1}
            onClick={() => app.verbs.openTab(tab)}
          >
            {NAMES[tab]}
            {tab === "event" && app.choices.stretch.value !== null && <span class="dot" />}
            {tab === "bottlenecks" && episodeCount > 0 && <span class="count">{episodeCount}</span>}
            {tab === "query" && app.query.rows.value.length > 0 && (
              <span class="count">{`${app.query.rows.value.length}${app.query.isMore.value ? "+" : ""}`}</span>
            )}
            {tab === "flight" && inFlight !== undefined && <span class="count">{inFlight}</span>}
          </button>
        ))}
      </div>
      <div
        class="panel-body"
        id="panel-body"
        role="tabpanel"
        aria-labelledby={`tab-${open}`}
        tabIndex={0}
      >
        <Body app={app} />
      </div>
    </section>
  );
}

function onKey(app: App, event: KeyboardEvent): void {
  const at = TABS.indexOf(app.choices.tab.peek());
  const to: Readonly<Record<string, number>> = {
    ArrowLeft: at - 1,
    ArrowRight: at + 1,
    Home: 0,
    End: TABS.length - 1,
  };
  const next = to[event.key];
  const tab = next === undefined ? undefined : TABS.at(next % TABS.length);
  if (tab === undefined) return;
  event.preventDefault();
  app.verbs.openTab(tab);
  document.getElementById(`tab-${tab}`)?.focus();
}
