/** What the commands are called, and in which order and groups the help lists them. */
import type { CommandName } from "../input/command-names.ts";

export const COMMAND_WORDS: Readonly<Record<CommandName, string>> = {
  "previous-change": "Cut to the previous change",
  "next-change": "Cut to the next change",
  "previous-ten": "Cut ten changes back",
  "next-ten": "Cut ten changes on",
  play: "Play change by change, or stop",
  "play-faster": "Play faster",
  "play-slower": "Play slower",
  "cut-to-start": "Cut to the first event",
  "cut-to-end": "Cut to the newest known time",
  "previous-event": "Cut to the previous event",
  "next-event": "Cut to the next event",
  "zoom-in": "Zoom in",
  "zoom-out": "Zoom out",
  "zoom-in-far": "Zoom in far",
  "zoom-out-far": "Zoom out far",
  "pan-left": "Pan left",
  "pan-right": "Pan right",
  "pan-left-far": "Pan far left",
  "pan-right-far": "Pan far right",
  centre: "Centre the cut",
  fit: "Show the whole history",
  "range-back": "Take back the last change of range",
  "range-forward": "Repeat the change of range",
  fold: "Fold quiet stretches, or unfold them",
  latency: "Latency: show heat map and percentiles, or fold them",
  live: "Live or paused",
  "fix-cut": "Fix cut 1 here and compare",
  "swap-cuts": "Swap the two cuts",
  bookmark: "Bookmark the cut",
  "keep-bookmark": "Keep the bookmark",
  "next-bookmark": "Cut to the next bookmark",
  "previous-bookmark": "Cut to the previous bookmark",
  why: "Why: the write of the open variable, or what came before the event",
  "to-send": "Message: back to its send",
  "to-receive": "Message: on to its receive",
  "next-bottleneck": "Next bottleneck",
  "previous-bottleneck": "Previous bottleneck",
  "mark-good": "Bisect: the state here is good",
  "mark-bad": "Bisect: the state here is bad",
  "next-row": "Next row of the query",
  "previous-row": "Previous row of the query",
  "tab-state": "Open State",
  "tab-diff": "Open Diff",
  "tab-flight": "Open In flight",
  "tab-query": "Open Query",
  "tab-bottlenecks": "Open Bottlenecks",
  "tab-event": "Open Events",
  search: "Search, or go to a time",
  commands: "Commands",
  help: "All keys",
  escape: "Stop what plays or runs; else undo the innermost choice",
};

export const COMMAND_GROUPS: readonly (readonly [title: string, first: CommandName])[] = [
  ["Cut", "previous-change"],
  ["View", "zoom-in"],
  ["Compare and keep", "fix-cut"],
  ["Find out", "why"],
  ["Panel and page", "tab-state"],
];

/** All commands in groups: each begins at its first one. */
export function groupedCommands(): readonly (readonly [string, readonly CommandName[]])[] {
  const names = Object.keys(COMMAND_WORDS) as CommandName[];
  const starts = COMMAND_GROUPS.map(([, first]) => names.indexOf(first));
  return COMMAND_GROUPS.map(([title], place) => [
    title,
    names.slice(starts[place], starts[place + 1]),
  ]);
}

const SIGNS: Readonly<Record<string, string>> = {
  ArrowLeft: "←",
  ArrowRight: "→",
  Comma: ",",
  Period: ".",
  BracketLeft: "[",
  BracketRight: "]",
  Slash: "/",
  Semicolon: ";",
  Quote: "'",
  Backslash: "\\",
  Backquote: "`",
  Minus: "-",
  Equal: "=",
  Escape: "Esc",
};

/** A key as it is written on a keyboard: `Shift+KeyW` is `Shift+W`. */
export function keyText(key: string): string {
  const parts = key.split("+");
  const code = parts.pop() ?? "";
  const sign = SIGNS[code] ?? code.replace(/^(Key|Digit)(?=.$)/, "");
  return [...parts, sign].join("+");
}
