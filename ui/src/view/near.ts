/**
 * Long lists are drawn where somebody looks: a part of a list that is far from the visible stretch of
 * the panel is an empty box of its height. A state of 64,000 variables then costs what one of a
 * hundred does; drawn whole, one move of the cut took seconds.
 */
import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** Drawn so far beyond what is visible: scrolling and the Tab key find rows there. */
const MARGIN_PX = 400;

export interface Near<Part extends HTMLElement> {
  /** For the element that stands for the part, drawn or not. */
  readonly ref: RefObject<Part | null>;
  readonly isNear: boolean;
  /** While it is not near: its height when it was, else the estimate. */
  readonly heightPx: number;
}

/** Whether a part of the panel is near what is visible; with `isAlways` it counts as near. */
export function useNear<Part extends HTMLElement>(
  isAlways: boolean,
  estimatePx: () => number,
): Near<Part> {
  const ref = useRef<Part>(null);
  const isNear = useSignal(false);
  const keptPx = useRef<number | null>(null);
  useEffect(() => {
    const part = ref.current;
    if (part === null || isAlways) return;
    const observer = new IntersectionObserver(
      (entries) => {
        const now = entries.at(-1);
        if (now === undefined) return;
        // What has the focus stays: it would be lost to whoever walks on by keys.
        const isHeld = isNear.peek() && part.contains(document.activeElement);
        if (isNear.peek() && !now.isIntersecting) keptPx.current = now.boundingClientRect.height;
        isNear.value = now.isIntersecting || isHeld;
      },
      { root: part.closest(".panel-body"), rootMargin: `${MARGIN_PX}px 0px` },
    );
    observer.observe(part);
    return () => observer.disconnect();
  }, [isAlways]);
  if (isAlways || isNear.value) return { ref, isNear: true, heightPx: 0 };
  keptPx.current ??= estimatePx();
  return { ref, isNear: false, heightPx: keptPx.current };
}
