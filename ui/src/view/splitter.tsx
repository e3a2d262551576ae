/** Between timeline and panel: moves by pointer and by arrow keys. */
import type { Signal } from "@preact/signals";
import type { JSX } from "preact";

const MIN_PX = 260;
const MAX_PX = 760;
const STEP_PX = 24;

export function Splitter({ panelPx }: { readonly panelPx: Signal<number> }): JSX.Element {
  const widen = (by: number) => {
    panelPx.value = Math.min(MAX_PX, Math.max(MIN_PX, panelPx.value + by));
  };
  return (
    <div
      class="splitter"
      role="separator"
      tabIndex={0}
      aria-label="Width of the panel"
      aria-orientation="vertical"
      aria-valuemin={MIN_PX}
      aria-valuemax={MAX_PX}
      aria-valuenow={panelPx.value}
      onKeyDown={(event) => {
        if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
        event.preventDefault();
        widen(event.key === "ArrowLeft" ? STEP_PX : -STEP_PX);
      }}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => {
        if (event.buttons === 1) widen(-event.movementX);
      }}
    />
  );
}
