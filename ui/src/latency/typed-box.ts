/** A box as a person types it: two times in any form of "Go to a time", two latencies in milliseconds. */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { LatencyBox } from "../model/choices.ts";
import { readTypedTime } from "../model/typed-time.ts";

export interface TypedBox {
  readonly from: string;
  readonly to: string;
  readonly lowMs: string;
  readonly highMs: string;
}

export type ReadBox = { readonly box: LatencyBox } | { readonly problem: string };

/** `day` is what a bare time of day belongs to; `now` is the collector's clock. */
export function readTypedBox(typed: TypedBox, day: Hlc | null, now: Hlc | undefined): ReadBox {
  const from = readTypedTime(typed.from, day, now);
  if ("problem" in from) return from;
  const to = readTypedTime(typed.to, day, now);
  if ("problem" in to) return to;
  if (from.t >= to.t) return { problem: "The end has to come after the beginning." };
  const [lowUs, highUs] = [microsOf(typed.lowMs), microsOf(typed.highMs)];
  if (lowUs === undefined || highUs === undefined) {
    return { problem: "Latencies are numbers of milliseconds from 0 on: 0.5, 8, 1000." };
  }
  if (lowUs >= highUs) return { problem: "The slowest has to be more than the fastest." };
  return { box: { from: from.t, to: to.t, lowUs, highUs } };
}

function microsOf(text: string): number | undefined {
  const us = Math.round(Number(text.trim().replace(",", ".")) * 1_000);
  return text.trim() !== "" && Number.isSafeInteger(us) && us >= 0 ? us : undefined;
}
