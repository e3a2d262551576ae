/**
 * Every command that has a key: by its name, the keys that it has until a person moves them, and what
 * it does. The keys run them, the omnibox offers them after `>`, the help lists them; what they are
 * called is in find/command-words.ts, which comes with the first of the two.
 */
import type { App } from "../app.ts";
import { TABS, type Tab } from "../model/choices.ts";
import type { CommandName } from "./command-names.ts";
import { focusOmnibox } from "./focus.ts";

export interface Command {
  /**
   * `KeyboardEvent.code`, by physical position, with `Shift+` or `Ctrl+` in front; or the character
   * itself for `?` and `/`, which lie elsewhere on every layout.
   */
  readonly keys: readonly string[];
  readonly run: (app: App) => void;
}

const PAN = 0.12;
const PAN_FAR = 0.8;
const ZOOM = 0.8;
const ZOOM_FAR = 0.4;

function command(keys: string, run: (app: App) => void): Command {
  return { keys: keys.split(" "), run };
}

const tabs = Object.fromEntries(
  TABS.map((tab, place) => [
    `tab-${tab}`,
    command(`Digit${place + 1}`, ({ verbs }) => verbs.openTab(tab)),
  ]),
) as Record<`tab-${Tab}`, Command>;

export const COMMANDS: Readonly<Record<CommandName, Command>> = {
  "previous-change": command("ArrowLeft KeyJ", ({ stepper }) => stepper.step(-1)),
  "next-change": command("ArrowRight KeyK", ({ stepper }) => stepper.step(1)),
  "previous-ten": command("Shift+ArrowLeft Shift+KeyJ", ({ stepper }) => stepper.step(-10)),
  "next-ten": command("Shift+ArrowRight Shift+KeyK", ({ stepper }) => stepper.step(10)),
  play: command("Space", ({ player }) => player.toggle()),
  "play-faster": command("Shift+Period", ({ player }) => player.hurry(1)),
  "play-slower": command("Shift+Comma", ({ player }) => player.hurry(-1)),
  "cut-to-start": command("Home", ({ verbs }) => verbs.cutToStart()),
  "cut-to-end": command("End", ({ verbs }) => verbs.cutToEnd()),
  "previous-event": command("Comma", ({ stepper }) => void stepper.stepEvent(-1)),
  "next-event": command("Period", ({ stepper }) => void stepper.stepEvent(1)),
  "zoom-in": command("KeyW", ({ verbs }) => verbs.zoom(ZOOM)),
  "zoom-out": command("KeyS", ({ verbs }) => verbs.zoom(1 / ZOOM)),
  "zoom-in-far": command("Shift+KeyW", ({ verbs }) => verbs.zoom(ZOOM_FAR)),
  "zoom-out-far": command("Shift+KeyS", ({ verbs }) => verbs.zoom(1 / ZOOM_FAR)),
  "pan-left": command("KeyA", ({ verbs }) => verbs.pan(-PAN)),
  "pan-right": command("KeyD", ({ verbs }) => verbs.pan(PAN)),
  "pan-left-far": command("Shift+KeyA", ({ verbs }) => verbs.pan(-PAN_FAR)),
  "pan-right-far": command("Shift+KeyD", ({ verbs }) => verbs.pan(PAN_FAR)),
  centre: command("KeyF", ({ verbs }) => verbs.centreCut()),
  fit: command("Digit0", ({ verbs }) => verbs.fitAll()),
  "range-back": command("KeyZ", ({ verbs }) => verbs.walkTrail(-1)),
  "range-forward": command("Shift+KeyZ", ({ verbs }) => verbs.walkTrail(1)),
  fold: command("KeyQ", ({ verbs }) => verbs.toggleSilences()),
  latency: command("KeyH", ({ verbs }) => verbs.toggleLatency()),
  live: command("KeyL", ({ verbs }) => verbs.toggleLive()),
  "fix-cut": command("KeyX", ({ verbs }) => verbs.fixCut()),
  "swap-cuts": command("Shift+KeyX", ({ verbs }) => verbs.swapCuts()),
  bookmark: command("KeyM", ({ bookmarks }) => bookmarks.put()),
  "keep-bookmark": command("Shift+KeyM", ({ bookmarks }) => bookmarks.keep()),
  "next-bookmark": command("KeyV", ({ bookmarks }) => bookmarks.walk(1)),
  "previous-bookmark": command("Shift+KeyV", ({ bookmarks }) => bookmarks.walk(-1)),
  why: command("KeyY", ({ walker }) => walker.whyChosen()),
  "to-send": command("BracketLeft", ({ walker }) => void walker.back()),
  "to-receive": command("BracketRight", ({ walker }) => void walker.on()),
  "next-bottleneck": command("KeyB", ({ bottlenecks }) => bottlenecks.step(1)),
  "previous-bottleneck": command("Shift+KeyB", ({ bottlenecks }) => bottlenecks.step(-1)),
  "mark-good": command("KeyG", ({ bisector }) => bisector.mark("good")),
  "mark-bad": command("Shift+KeyG", ({ bisector }) => bisector.mark("bad")),
  "next-row": command("KeyN", ({ query }) => query.walk(1)),
  "previous-row": command("KeyP", ({ query }) => query.walk(-1)),
  ...tabs,
  search: command("/", (app) => focusOmnibox(app, "")),
  commands: command("Ctrl+KeyK", (app) => focusOmnibox(app, ">")),
  help: command("?", ({ isHelpOpen }) => {
    isHelpOpen.value = true;
  }),
  escape: command("Escape", ({ verbs, query, player }) => {
    if (!player.stop() && !query.cancel()) verbs.stepBack();
  }),
};
