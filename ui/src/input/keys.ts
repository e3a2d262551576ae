/**
 * Keys, by physical position, so that WASD lies under the same fingers on every layout; silent while
 * typing. The table is also what the help shows: a key that works is a key that is listed.
 */
import type { App } from "../app.ts";
import { TABS } from "../model/choices.ts";

interface Key {
  /** `KeyboardEvent.code`, with `Shift+` in front where it matters; or the character itself for ? and /. */
  readonly codes: readonly string[];
  readonly run: (app: App) => void;
}

export interface KeyRow {
  readonly shown: string;
  readonly does: string;
  readonly keys: readonly Key[];
}

const PAN = 0.12;
const PAN_FAR = 0.8;
const ZOOM = 0.8;
const ZOOM_FAR = 0.4;

function key(codes: string, run: (app: App) => void): Key {
  return { codes: codes.split(" "), run };
}

export const KEY_ROWS: readonly KeyRow[] = [
  {
    shown: "← →, J K",
    does: "cut to the previous, next change (Shift: ten)",
    keys: [
      key("ArrowLeft KeyJ", ({ stepper }) => stepper.step(-1)),
      key("ArrowRight KeyK", ({ stepper }) => stepper.step(1)),
      key("Shift+ArrowLeft Shift+KeyJ", ({ stepper }) => stepper.step(-10)),
      key("Shift+ArrowRight Shift+KeyK", ({ stepper }) => stepper.step(10)),
    ],
  },
  {
    shown: "Home, End",
    does: "cut to the first event, to the newest known time",
    keys: [
      key("Home", ({ verbs }) => verbs.cutToStart()),
      key("End", ({ verbs }) => verbs.cutToEnd()),
    ],
  },
  {
    shown: "W S",
    does: "zoom in, out (Shift: far)",
    keys: [
      key("KeyW", ({ verbs }) => verbs.zoom(ZOOM)),
      key("KeyS", ({ verbs }) => verbs.zoom(1 / ZOOM)),
      key("Shift+KeyW", ({ verbs }) => verbs.zoom(ZOOM_FAR)),
      key("Shift+KeyS", ({ verbs }) => verbs.zoom(1 / ZOOM_FAR)),
    ],
  },
  {
    shown: "A D",
    does: "pan left, right (Shift: far)",
    keys: [
      key("KeyA", ({ verbs }) => verbs.pan(-PAN)),
      key("KeyD", ({ verbs }) => verbs.pan(PAN)),
      key("Shift+KeyA", ({ verbs }) => verbs.pan(-PAN_FAR)),
      key("Shift+KeyD", ({ verbs }) => verbs.pan(PAN_FAR)),
    ],
  },
  {
    shown: ", .",
    does: "previous, next event",
    keys: [
      key("Comma", ({ stepper }) => void stepper.stepEvent(-1)),
      key("Period", ({ stepper }) => void stepper.stepEvent(1)),
    ],
  },
  {
    shown: "F; 0",
    does: "centre the cut; fit the whole history",
    keys: [
      key("KeyF", ({ verbs }) => verbs.centreCut()),
      key("Digit0", ({ verbs }) => verbs.fitAll()),
    ],
  },
  {
    shown: "Q",
    does: "fold quiet stretches, or show them at their length",
    keys: [key("KeyQ", ({ verbs }) => verbs.toggleSilences())],
  },
  {
    shown: "Z; Shift+Z",
    does: "take back the last change of range; repeat it",
    keys: [
      key("KeyZ", ({ verbs }) => verbs.walkTrail(-1)),
      key("Shift+KeyZ", ({ verbs }) => verbs.walkTrail(1)),
    ],
  },
  {
    shown: "X; Shift+X",
    does: "fix cut 1 here and compare; swap the cuts",
    keys: [
      key("KeyX", ({ verbs }) => verbs.fixCut()),
      key("Shift+KeyX", ({ verbs }) => verbs.swapCuts()),
    ],
  },
  {
    shown: "B; Shift+B",
    does: "next, previous bottleneck",
    keys: [
      key("KeyB", ({ bottlenecks }) => bottlenecks.step(1)),
      key("Shift+KeyB", ({ bottlenecks }) => bottlenecks.step(-1)),
    ],
  },
  {
    shown: "Y",
    does: "why: to the write of the open variable, or to what came before the event",
    keys: [key("KeyY", ({ walker }) => walker.whyChosen())],
  },
  {
    shown: "[ ]",
    does: "message: back to its send, on to its receive",
    keys: [
      key("BracketLeft", ({ walker }) => void walker.back()),
      key("BracketRight", ({ walker }) => void walker.on()),
    ],
  },
  {
    shown: "G; Shift+G",
    does: "bisect: the state here is good; is bad",
    keys: [
      key("KeyG", ({ bisector }) => bisector.mark("good")),
      key("Shift+KeyG", ({ bisector }) => bisector.mark("bad")),
    ],
  },
  { shown: "L", does: "live or paused", keys: [key("KeyL", ({ verbs }) => verbs.toggleLive())] },
  {
    shown: "N P",
    does: "next, previous row of the query",
    keys: [key("KeyN", ({ query }) => query.walk(1)), key("KeyP", ({ query }) => query.walk(-1))],
  },
  {
    shown: "1 – 6",
    does: "panel: State, Diff, In flight, Query, Bottlenecks, Events",
    keys: TABS.map((tab, place) => key(`Digit${place + 1}`, ({ verbs }) => verbs.openTab(tab))),
  },
  { shown: "/", does: "go to a time", keys: [key("/", () => focusOn("#go-to-time"))] },
  { shown: "F6", does: "next region (Shift: previous)", keys: [] },
  {
    shown: "?",
    does: "these keys",
    keys: [
      key("?", ({ isHelpOpen }) => {
        isHelpOpen.value = true;
      }),
    ],
  },
  {
    shown: "Esc",
    does: "cancel the query that runs; else undo the innermost choice",
    keys: [
      key("Escape", ({ verbs, query }) => {
        if (!query.cancel()) verbs.stepBack();
      }),
    ],
  },
];

/** Where F6 goes, in order. */
const REGIONS = ["#go-to-time", "#lanes", "#cut-slider", '[role="tab"][aria-selected="true"]'];

export function listenToKeys(app: App): void {
  const byCode = new Map(
    KEY_ROWS.flatMap(({ keys }) =>
      keys.flatMap(({ codes, run }) => codes.map((code) => [code, run] as const)),
    ),
  );
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.code === "F6") {
      event.preventDefault();
      cycleRegions(event.shiftKey ? -1 : 1);
      return;
    }
    // The innermost: the editor of queries is in a shadow root, and only its host is the target.
    const [innermost] = event.composedPath();
    const target = innermost instanceof Element ? innermost : null;
    if (app.isHelpOpen.peek() || isTyping(target)) return;
    if (hasOwnWork(event.code, target)) return;
    // By position; only ? and / lie elsewhere on every layout and are meant as characters.
    const character = event.key.length === 1 ? byCode.get(event.key) : undefined;
    const run = character ?? byCode.get((event.shiftKey ? "Shift+" : "") + event.code);
    if (run === undefined) return;
    event.preventDefault();
    run(app);
  });
}

function isTyping(target: Element | null): boolean {
  return target?.closest("input, textarea, select, [contenteditable]") != null;
}

/**
 * Arrows step the cut from wherever the last click left the focus, so that a drag is followed by
 * steps. Only what has a use for the key itself keeps it: it says so by `preventDefault`, or it
 * scrolls that way.
 */
function hasOwnWork(code: string, target: Element | null): boolean {
  if (target === null || target === document.body) return false;
  if (code === "Home" || code === "End") return target.closest(".panel") !== null;
  if (code === "ArrowLeft" || code === "ArrowRight") {
    return target.closest('[tabindex="0"]') === target && target.scrollWidth > target.clientWidth;
  }
  return false;
}

function cycleRegions(direction: 1 | -1): void {
  const regions = REGIONS.flatMap(
    (selector) => document.querySelector<HTMLElement>(selector) ?? [],
  );
  const at = regions.indexOf(document.activeElement as HTMLElement);
  const next = at === -1 ? 0 : (at + direction + regions.length) % regions.length;
  regions[next]?.focus();
}

function focusOn(selector: string): void {
  const found = document.querySelector<HTMLInputElement>(selector);
  found?.focus();
  found?.select();
}
