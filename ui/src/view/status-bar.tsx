/** One line at the bottom: how far everything is known, what the cut is worth, who answers. */
import type { JSX } from "preact";
import type { App } from "../app.ts";
import { eventsInView } from "../model/events-in-view.ts";
import { orderWords } from "../model/shown-cut.ts";
import { clockText, countText } from "../scale/time-words.ts";

export function StatusBar({ app }: { readonly app: App }): JSX.Element {
  return (
    <footer class="status-bar">
      <Watermark app={app} />
      <CutWorth app={app} />
      <span class="spacer" />
      <button
        type="button"
        class="status-tool"
        aria-pressed={app.choices.foldSilences.value}
        title="Stretches without an event become breaks in the ruler (Q)"
        onClick={() => app.verbs.toggleSilences()}
      >
        Fold silences
      </button>
      <EventCount app={app} />
      <Connection app={app} />
    </footer>
  );
}

function Watermark({ app }: { readonly app: App }): JSX.Element | null {
  const facts = app.watch.facts.value;
  if (facts === null) return <span>Asking the collector…</span>;
  if (facts.watermark === null) return <span>No live node; showing what was recorded</span>;
  return (
    <span>
      Known up to <b>{clockText(facts.watermark)}</b>
      {facts.heldBy !== null && facts.nodes.length > 1 && (
        <span title="Up to the time that the slowest live node has reported">
          {" "}
          by all live nodes, {facts.heldBy} last
        </span>
      )}
    </span>
  );
}

function CutWorth({ app }: { readonly app: App }): JSX.Element | null {
  const shown = app.shownCut.value;
  if (shown === null) return null;
  // While the cut moves nothing is said of it: what is known is of another.
  if (shown.at !== app.choices.cut.value) return <span class="cut-worth">Cut: asking</span>;
  const cut = shown.json;
  const incomplete = new Set(cut.incomplete.map(({ node }) => node)).size;
  const words = [
    orderWords(shown),
    cut.complete ? "complete" : `${incomplete} of ${Object.keys(cut.nodes).length} incomplete`,
  ];
  return <span class="cut-worth">Cut: {words.join(", ")}</span>;
}

function EventCount({ app }: { readonly app: App }): JSX.Element | null {
  const timeline = app.timeline.value;
  const view = app.choices.viewport.value;
  if (timeline === null || view === null) return null;
  return <span>{countText(eventsInView(timeline, view))} events in view</span>;
}

function Connection({ app }: { readonly app: App }): JSX.Element {
  const isLost = app.watch.failure.value !== null;
  return (
    <span
      class="connection"
      data-state={isLost ? "lost" : app.choices.live.value ? "live" : "paused"}
    >
      <i aria-hidden="true" />
      {isLost ? "Collector lost" : app.choices.live.value ? "Live" : "Paused"}
    </span>
  );
}
