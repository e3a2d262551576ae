/** What a measured stretch comes to: in the plot below the stretch, and told to screen readers. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { App } from "../app.ts";
import { eventsIn, type Measured } from "../model/measure.ts";
import { clockText, countText, durationText, microsText, plural } from "../scale/time-words.ts";

export function MeasureReadout({ app }: { readonly app: App }): JSX.Element | null {
  const box = useRef<HTMLElement>(null);
  const range = app.choices.measured.value;
  const scale = app.scale.value;
  useLayoutEffect(() => {
    if (box.current === null || range === null || scale === null) return;
    const middle = (scale.x(range.from) + scale.x(range.to)) / 2;
    const half = box.current.offsetWidth / 2;
    const left = Math.max(4, Math.min(middle - half, scale.width - 2 * half - 4));
    box.current.style.transform = `translateX(${left}px)`;
  });
  if (range === null) return null;
  const { measure } = app.answers;
  const answered = measure.answered.value;
  const isOurs = answered?.question.from === range.from && answered.question.to === range.to;
  const timeline = app.timeline.value;
  const events = timeline === null ? null : eventsIn(timeline, range);
  return (
    <section ref={box} class="measure" aria-label="Measure">
      <p role="status">
        <b>{durationText(range.to - range.from)}</b>, {clockText(range.from)} –{" "}
        {clockText(range.to)}
        {events !== null && (
          <>
            , {events.isExact ? "" : "about "}
            {plural(events.count, "event")}
          </>
        )}
        {measure.failure.value !== null && `, requests not known: ${measure.failure.value.message}`}
      </p>
      {isOurs ? <Requests found={answered.answer} /> : <p class="hint">Reading requests…</p>}
      <button
        type="button"
        class="tool"
        aria-label="Close the measure"
        onClick={() => app.verbs.measure(null)}
      >
        ✕
      </button>
    </section>
  );
}

function Requests({ found }: { readonly found: Measured }): JSX.Element {
  const { residence, requestCount, isShortened } = found;
  if (residence === null) return <p class="hint">No request ended in it.</p>;
  const { minUs, p50Us, p95Us, p99Us, maxUs } = residence;
  const rows = [
    ["min", minUs],
    ["p50", p50Us],
    ["p95", p95Us],
    ["p99", p99Us],
    ["max", maxUs],
  ] as const;
  return (
    <p>
      {countText(requestCount)}
      {isShortened ? "+" : ""} {requestCount === 1 ? "request" : "requests"}:{" "}
      {rows.map(([name, us], place) => (
        <span key={name}>
          {place === 0 ? "" : " · "}
          {name} {microsText(us)}
        </span>
      ))}
    </p>
  );
}
