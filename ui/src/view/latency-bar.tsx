/** Latency below the lanes: its name, and what is behind it once somebody has opened it. */
import type { JSX } from "preact";
import type { App } from "../app.ts";
import { panelOnDemand } from "../panels/panel-on-demand.tsx";

const LatencyStrip = panelOnDemand(
  async () => (await import("../latency/latency-strip.tsx")).LatencyStrip,
);

export function LatencyBar({ app }: { readonly app: App }): JSX.Element {
  const isShown = app.choices.isLatencyShown.value;
  return (
    <section class="latency" aria-label="Heat map and percentiles">
      <h2>
        <button
          type="button"
          class="disclose"
          aria-expanded={isShown}
          title="Heat map and percentiles (H)"
          onClick={() => app.verbs.toggleLatency()}
        >
          <i class="chevron" aria-hidden="true" />
          Latency
        </button>
      </h2>
      {isShown && <LatencyStrip app={app} />}
    </section>
  );
}
