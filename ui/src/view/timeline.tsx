/**
 * The timeline: ruler with the cut slider, lane heads, and two canvases. The canvases are as tall as
 * the visible part and stay in place while the lane heads scroll; painters subtract the scroll.
 */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { App } from "../app.ts";
import { listenToPlot } from "../input/plot-pointer.ts";
import { listenToRuler } from "../input/ruler-pointer.ts";
import type { LaneLayout } from "../model/lane-layout.ts";
import { futureWords } from "../model/reasons.ts";
import { dateText, plural } from "../scale/time-words.ts";
import { BookmarksOnDemand } from "./bookmarks-on-demand.tsx";
import { CutSlider } from "./cut-slider.tsx";
import { EpisodeMarks } from "./episode-marks.tsx";
import { LaneHeads } from "./lane-heads.tsx";
import { LatencyBar } from "./latency-bar.tsx";
import { MeasureReadout } from "./measure-readout.tsx";
import { paintBase, paintOver, paintScale } from "./scenes.ts";
import { Tooltip } from "./tooltip.tsx";

export function Timeline({ app }: { readonly app: App }): JSX.Element {
  const lanes = useRef<HTMLDivElement>(null);
  const plot = useRef<HTMLDivElement>(null);
  const base = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  const ruler = useRef<HTMLCanvasElement>(null);
  const marks = useRef<HTMLDivElement>(null);
  const rulerBox = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const plotElement = plot.current;
    const lanesElement = lanes.current;
    if (plotElement === null || lanesElement === null) return undefined;
    const watchSize = new ResizeObserver(() => {
      // As tall as what is visible, so that it can stay in place while the heads scroll.
      plotElement.style.setProperty("--plot-height", `${lanesElement.clientHeight}px`);
      app.plotWidth.value = plotElement.clientWidth;
      app.plotHeight.value = lanesElement.clientHeight;
      app.frames.markAll();
    });
    watchSize.observe(plotElement);
    watchSize.observe(lanesElement);
    const removers = [
      app.frames.add("ruler", () => paintScale(app, ruler.current)),
      app.frames.add("base", () => paintBase(app, base.current, lanesElement.scrollTop)),
      app.frames.add("marks", () => {
        marks.current?.style.setProperty("transform", `translateY(${-lanesElement.scrollTop}px)`);
      }),
      app.frames.add("over", () => paintOver(app, over.current, lanesElement.scrollTop)),
      listenToPlot(app, plotElement, lanesElement),
      rulerBox.current === null ? () => {} : listenToRuler(app, rulerBox.current),
      () => watchSize.disconnect(),
    ];
    return () => {
      for (const remove of removers) remove();
    };
  }, [app]);

  const layout = app.layout.value;
  const view = app.choices.viewport.value;
  const isLoading = app.timeline.value === null;
  return (
    <section class="timeline" aria-label="Timeline">
      <div class="ruler-row">
        <div class="ruler-head">
          <span>
            {view !== null && app.watch.facts.value !== null && `${dateText(view.to)} `}
            <span class="zone">UTC</span>
          </span>
          <input
            type="search"
            class="filter lane-filter"
            placeholder="Filter lanes"
            aria-label="Filter lanes by node or service"
            value={app.choices.lanes.value.filter}
            onInput={(event) => app.laneVerbs.filter(event.currentTarget.value)}
          />
        </div>
        <div class="ruler" ref={rulerBox}>
          <canvas ref={ruler} aria-hidden="true" />
          <BookmarksOnDemand app={app} />
          <CutSlider app={app} />
        </div>
      </div>
      <div
        class="lanes"
        id="lanes"
        ref={lanes}
        tabIndex={0}
        role="group"
        aria-label="Lanes. Left and right step the cut, W A S D zoom and pan; the tab Events lists what is drawn."
        aria-busy={isLoading}
        onScroll={() => app.frames.mark("base", "marks", "over")}
      >
        <div class="lanes-body" ref={(body) => sizeBody(body, layout)}>
          <LaneHeads app={app} />
          <div class="plot" ref={plot} data-over="ground">
            <canvas ref={base} aria-hidden="true" />
            <div class="marks" ref={marks}>
              <EpisodeMarks app={app} />
            </div>
            <canvas ref={over} class="over" aria-hidden="true" />
            <RangeNotice app={app} />
            <MeasureReadout app={app} />
            <Tooltip app={app} />
          </div>
        </div>
      </div>
      <LatencyBar app={app} />
    </section>
  );
}

function sizeBody(body: HTMLDivElement | null, layout: LaneLayout): void {
  body?.style.setProperty("--rows-height", `${layout.height}px`);
  body?.style.setProperty("--lane-height", `${layout.laneHeight}px`);
  const [lane] = layout.lanes;
  const tracks = lane === undefined ? 0 : lane.y + lane.height - lane.trackY;
  body?.style.setProperty("--tracks-height", `${tracks}px`);
}

/** Skeleton while loading, and a way out where the range holds nothing. */
function RangeNotice({ app }: { readonly app: App }): JSX.Element | null {
  const timeline = app.timeline.value;
  const scale = app.scale.value;
  if (timeline === null) {
    if (app.answers.timeline.failure.value !== null) return null;
    return (
      <div class="skeleton" role="status">
        <LoadingWords app={app} />
        {[0, 1, 2].map((row) => (
          <i key={row} />
        ))}
      </div>
    );
  }
  if (scale === null || hasAnything(app)) return null;
  const now = app.watch.facts.value?.now;
  const future = futureWords(scale.viewport.from, now);
  return (
    <div class="range-notice" role="status">
      <p>{future === undefined ? "Nothing was recorded in this range." : `This is ${future}.`}</p>
      <button type="button" onClick={() => app.verbs.fitAll()}>
        Show the whole history
      </button>
    </div>
  );
}

function LoadingWords({ app }: { readonly app: App }): JSX.Element {
  const { done, of } = app.answers.timeline.progress.value;
  return (
    <p class="loading-words">
      <span>Loading the timeline{of > 0 ? `, ${done} of ${plural(of, "part")}` : ""}</span>
      {of > 0 && (
        <button type="button" onClick={() => app.answers.timeline.cancel()}>
          Stop
        </button>
      )}
    </p>
  );
}

function hasAnything(app: App): boolean {
  const { from, to } = app.choices.viewport.value ?? { from: 0, to: 0 };
  const extent = app.watch.facts.value?.extent;
  return extent == null || (extent.first <= to && extent.last >= from);
}
