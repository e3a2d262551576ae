/** The range of commands that, unless told otherwise, look at what was just now. */
import type { Command } from "commander";
import { askedTime } from "./asked-times.ts";
import { single } from "./command.ts";

/** Long enough for something to have happened, short enough to be answered at once. */
export const RECENT = { from: "-60s", to: "now" } as const;

export interface AskedRange {
  readonly from: string;
  readonly to: string;
}

/** Gives the command --from and --to. */
export function recentRange(command: Command): Command {
  return command
    .addOption(single("--from <time>", "Begin here", RECENT.from))
    .addOption(single("--to <time>", "End here", RECENT.to));
}

/** What was asked, else the last minute. @throws RetroError `bad-time` */
export function recentRangeOf(options: object, nowMs: number): AskedRange {
  const { from = RECENT.from, to = RECENT.to } = options as Partial<AskedRange>;
  return { from: askedTime(from, "--from", nowMs), to: askedTime(to, "--to", nowMs) };
}
