/** The names of all commands that have a key; what they do is in commands.ts. */
import type { Tab } from "../model/choices.ts";

export type CommandName =
  | `${"previous" | "next"}-${"change" | "ten" | "event" | "bottleneck" | "row" | "bookmark"}`
  | `cut-to-${"start" | "end"}`
  | `to-${"send" | "receive"}`
  | `zoom-${"in" | "out"}${"" | "-far"}`
  | `pan-${"left" | "right"}${"" | "-far"}`
  | `range-${"back" | "forward"}`
  | `tab-${Tab}`
  | `mark-${"good" | "bad"}`
  | `play${"" | "-faster" | "-slower"}`
  | "centre"
  | "fit"
  | "fold"
  | "latency"
  | "fix-cut"
  | "swap-cuts"
  | "why"
  | "live"
  | "bookmark"
  | "keep-bookmark"
  | "search"
  | "commands"
  | "help"
  | "escape";
