/** What the pointer rests on, in two lines. Assistive technology has the table of events instead. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import { describeEvent, receiverOf } from "../model/event-words.ts";
import { reasonLabel } from "../model/reasons.ts";
import type { Picked } from "../paint/picking.ts";
import { clockText, exactClockText, plural } from "../scale/time-words.ts";

export function Tooltip({ app }: { readonly app: App }): JSX.Element | null {
  const box = useRef<HTMLDivElement>(null);
  const hover = app.hover.value;
  useEffect(() => {
    if (box.current === null || hover === null) return;
    const room = app.plotWidth.peek() - box.current.offsetWidth - 8;
    const x = Math.max(4, Math.min(hover.x + 14, room));
    const isLow =
      hover.y + 20 + box.current.offsetHeight > (box.current.parentElement?.clientHeight ?? 0);
    const y = isLow ? hover.y - box.current.offsetHeight - 12 : hover.y + 18;
    box.current.style.transform = `translate(${x}px, ${y}px)`;
  }, [hover, app]);
  if (hover === null) return null;
  const [title, detail] = wordsFor(app, hover.picked);
  return (
    <div class="tooltip" ref={box} aria-hidden="true">
      <b>{title}</b>
      <span>{detail}</span>
    </div>
  );
}

function wordsFor(app: App, picked: Picked): readonly [string, string] {
  if (picked.type === "gap") {
    return [
      `${picked.node}: ${reasonLabel(picked.reason)}`,
      `${clockText(picked.from)} – ${clockText(picked.to)} is not known`,
    ];
  }
  if (picked.type === "column") {
    return [
      plural(picked.count, "event"),
      `${clockText(picked.from)} – ${clockText(picked.to)}; zoom in to tell them apart, Events lists them after a click`,
    ];
  }
  const at = `${exactClockText(ticksOf(picked.line.t))} on ${picked.line.node}`;
  if (picked.count > 1) return [`commit of ${plural(picked.count, "change")}`, at];
  return [describeEvent(picked.line, receiverOf(picked.line, app.timeline.value)), at];
}
