/**
 * The cut line's handle: a real slider on the ruler, with the arrow keys as steps from change to
 * change. Screen readers hear `spokenCut`.
 */
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import type { App } from "../app.ts";
import { spokenCut } from "../model/spoken-cut.ts";
import { type Flag, flagBeside, flagMiddle } from "../scale/flag-places.ts";
import { clockText, exactClockText } from "../scale/time-words.ts";

export function CutSlider({ app }: { readonly app: App }): JSX.Element {
  return (
    <>
      <FixedFlag app={app} />
      <Handle app={app} />
    </>
  );
}

function Handle({ app }: { readonly app: App }): JSX.Element {
  const handle = useRef<HTMLDivElement>(null);
  const measured = useRef({ text: "", width: 0 });
  const cut = app.choices.cut.value;
  const scale = app.scale.value;
  // After each render, since its own width follows its text; a pan, which leaves the text alone, must
  // not ask for a layout of the whole page.
  useLayoutEffect(() => {
    if (handle.current !== null && scale !== null && cut !== null) {
      const text = handle.current.textContent;
      if (measured.current.text !== text || measured.current.width === 0) {
        measured.current = { text, width: handle.current.offsetWidth };
      }
      const flag = { x: scale.x(cut), width: measured.current.width };
      placeFlag(handle.current, flag, flagMiddle(flag, scale.width), scale.width);
    }
  });
  const facts = app.watch.facts.value;
  const first = facts?.extent?.first ?? 0;
  const last = facts?.extent?.last ?? 0;
  const ms = (t: number) => Math.round((t - first) / TICKS_PER_MS);
  return (
    <div
      id="cut-slider"
      ref={handle}
      class="cut-handle"
      role="slider"
      tabIndex={0}
      aria-label="Cut"
      aria-orientation="horizontal"
      aria-valuemin={0}
      aria-valuemax={Math.max(0, ms(last))}
      aria-valuenow={cut === null ? 0 : Math.min(Math.max(0, ms(cut)), Math.max(0, ms(last)))}
      aria-valuetext={spokenCut(app)}
      title={cut === null ? "" : `Cut at ${exactClockText(cut)}. Drag, or use ← and →.`}
      hidden={cut === null || facts === null}
      onKeyDown={(event) => onKey(app, event)}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        heldAt = event.clientX - placeOf(app, event.currentTarget);
      }}
      onPointerMove={(event) => {
        const scale = app.scale.peek();
        if (event.buttons !== 1 || scale === null) return;
        app.verbs.moveCut(scale.t(event.clientX - heldAt - rulerLeft(event.currentTarget)));
      }}
    >
      {app.choices.fixedCut.value !== null && <b>2</b>}
      {cut === null ? "" : clockText(cut)}
    </div>
  );
}

/** Distance from the line at which the handle was taken hold of. */
let heldAt = 0;

function placeOf(app: App, handle: HTMLElement): number {
  const scale = app.scale.peek();
  const cut = app.choices.cut.peek();
  return rulerLeft(handle) + (scale === null || cut === null ? 0 : scale.x(cut));
}

function rulerLeft(handle: HTMLElement): number {
  return handle.parentElement?.getBoundingClientRect().left ?? 0;
}

/** A slider also takes the other two arrows; ← → Home End are the page's (input/keys.ts). */
function onKey(app: App, event: KeyboardEvent): void {
  const count = event.shiftKey ? 10 : 1;
  const moves: Readonly<Record<string, () => void>> = {
    ArrowDown: () => app.stepper.step(-count),
    ArrowUp: () => app.stepper.step(count),
  };
  const move = moves[event.key];
  if (move === undefined) return;
  event.preventDefault();
  move();
}

/** Cut 1 of a comparison: it stays where it was fixed, with its own numeral. */
function FixedFlag({ app }: { readonly app: App }): JSX.Element | null {
  const flag = useRef<HTMLDivElement>(null);
  const fixed = app.choices.fixedCut.value;
  const cut = app.choices.cut.value;
  const scale = app.scale.value;
  useEffect(() => {
    if (flag.current === null || fixed === null || cut === null || scale === null) return;
    const handle = document.getElementById("cut-slider");
    const own = { x: scale.x(fixed), width: flag.current.offsetWidth };
    const moving = { x: scale.x(cut), width: handle?.offsetWidth ?? 0 };
    placeFlag(flag.current, own, flagBeside(own, moving, scale.width), scale.width);
  }, [fixed, cut, scale]);
  if (fixed === null) return null;
  return (
    <div ref={flag} class="fixed-flag" aria-hidden="true">
      <b>1</b> {clockText(fixed)}
    </div>
  );
}

/** Outside the view a flag stays at the edge and points there. */
function placeFlag(element: HTMLElement, { x, width }: Flag, middle: number, room: number): void {
  const left = middle - width / 2;
  // The stem stays on the line, also where the flag stands aside.
  element.style.setProperty("--stem", `${x - left}px`);
  element.style.transform = `translateX(${left}px)`;
  element.dataset["outside"] = x < 0 ? "left" : x > room ? "right" : "no";
}
