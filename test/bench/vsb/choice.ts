/** What the command line asks for. */
import { parseArgs } from "node:util";
import type { SizeName } from "./plan.ts";

export interface Choice {
  readonly seed: number;
  readonly size: SizeName;
  readonly asJson: boolean;
  readonly only: readonly string[];
  readonly seconds: number | undefined;
  /** Instead of the size's loads; undefined: those. */
  readonly ratePerSecond: number | undefined;
  readonly skewMs: number;
  /** Where recordings are kept; else they go when they are scored. */
  readonly keep: string | undefined;
  /** Scores recordings that were kept, and runs nothing. */
  readonly replay: readonly string[];
  /** Of those: today's collector is asked about the kept history, instead of taking what it answered then. */
  readonly asksAgain: boolean;
}

export const USAGE = `Usage: npm run vsb -- [--seed 7] [--smoke | --long] [--json]
                      [--only fault,...] [--seconds N] [--rate N] [--skew MS] [--keep DIR]
       npm run vsb -- --replay DIR [--replay DIR ...] [--ask-again] [--json]

  --seed      arrivals, order and phase of the injections; 1000 to 1099 are for tuning, and not to be reported
  --smoke     half a minute, one injection of each of four faults; else the CI size, about nine minutes
  --long      every fault, 10 to 500 ms, 30 times each, four loads: a day; bound it with --seconds
  --only      these faults (test/bench/vsb/faults.ts)
  --seconds   bound for all of it: fewer injections, chosen by the seed
  --rate      requests a second, instead of the size's; below 300 no recall is asked for
  --skew      clocks of the tiers are set so far ahead and behind, in turns
  --keep      keeps the recordings, and the collector's history beside each
  --replay    scores kept recordings again: the injections, our answers and the rivals on the same data
  --ask-again  of those, a collector of today is asked about the kept history (what was told live stays as it was)
`;

export const TUNING_SEEDS: readonly [first: number, last: number] = [1_000, 1_099];

/** @throws Error in words for a mistake; undefined: help was asked for */
export function choiceOf(args: readonly string[]): Choice | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ seed: { type: "string" }, only: { type: "string" }, seconds: { type: "string" } },
      ...{ rate: { type: "string" }, skew: { type: "string" }, keep: { type: "string" } },
      ...{ smoke: { type: "boolean" }, long: { type: "boolean" }, json: { type: "boolean" } },
      ...{ help: { type: "boolean" }, replay: { type: "string", multiple: true } },
      "ask-again": { type: "boolean" },
    },
  });
  if (values.help) return undefined;
  if (values.smoke && values.long) throw new Error("--smoke and --long are two sizes");
  const asksAgain = values["ask-again"] === true;
  if (asksAgain && values.replay === undefined) throw new Error("--ask-again goes with --replay");
  return {
    asksAgain,
    seed: whole("--seed", values.seed) ?? 7,
    size: values.smoke ? "smoke" : values.long ? "long" : "ci",
    asJson: values.json === true,
    only: values.only?.split(",").filter((name) => name !== "") ?? [],
    seconds: whole("--seconds", values.seconds),
    ratePerSecond: whole("--rate", values.rate),
    skewMs: whole("--skew", values.skew) ?? 0,
    keep: values.keep,
    replay: values.replay ?? [],
  };
}

function whole(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new Error(`${flag} takes a whole number, not ${text}`);
}
