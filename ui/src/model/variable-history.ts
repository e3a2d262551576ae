/**
 * The values of one variable around the cut: some before, some after, each with the event that wrote
 * it. `/api/history` reads forwards, so what came before is asked for in stretches that grow until
 * they hold enough or reach the beginning of the record. Its first version is the value *at* `from`,
 * dated so, whenever it was written: only an earlier stretch knows the true time of that write.
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { VariableHistoryJson } from "../../../collector/api/shapes.ts";
import { type ApiReader, hexOf, ticksOf } from "../api/client.ts";
import { clampTicks } from "../scale/time-scale.ts";
import type { VariableName } from "./choices.ts";

export type VariableValue = VariableHistoryJson["values"][number];

export interface VariableQuestion extends VariableName {
  readonly around: Hlc;
  /** The beginning of the record. */
  readonly first: Hlc;
}

export interface VariableHistory {
  /** Ascending; `isCurrent` is what the variable holds at the cut. */
  readonly values: readonly { readonly value: VariableValue; readonly isCurrent: boolean }[];
  readonly hasEarlier: boolean;
  readonly hasLater: boolean;
}

/** Values listed on each side of the cut. */
const SIDE = 40;
const FIRST_REACH_TICKS = 2_000 * 4096;
const REACH_GROWTH = 16;
const PAGE = 1_000;
/** Pages read of one stretch. The newest are wanted, so a stretch that needs more is halved. */
const MAX_PAGES = 6;

export async function findHistory(
  client: ApiReader,
  question: VariableQuestion,
  signal: AbortSignal,
): Promise<VariableHistory> {
  const { around } = question;
  const [before, after] = await Promise.all([
    valuesBefore(client, question, signal),
    // From the cut on, since what is dated a tick later could be either.
    page(client, question, { from: around, limit: SIDE + 1 }, signal),
  ]);
  const later = after.values.filter(({ at }) => ticksOf(at) > around);
  const earlier = before.values.slice(-SIDE);
  return {
    values: [
      ...earlier.map((value, place) => ({ value, isCurrent: place === earlier.length - 1 })),
      ...later.map((value) => ({ value, isCurrent: false })),
    ],
    hasEarlier: before.values.length > SIDE || !before.isAll,
    hasLater: after.next !== undefined,
  };
}

async function valuesBefore(
  client: ApiReader,
  question: VariableQuestion,
  signal: AbortSignal,
): Promise<{ values: readonly VariableValue[]; isAll: boolean }> {
  const { around, first } = question;
  let known: readonly VariableValue[] = [];
  for (let reach = FIRST_REACH_TICKS; ; reach *= REACH_GROWTH) {
    const from = clampTicks(Math.max(Math.min(first, around), around - reach));
    const to = known[0] === undefined ? around : clampTicks(ticksOf(known[0].at) - 1);
    const older = await stretch(client, question, { from, to }, signal);
    const isAll = from <= first && !older.isCut;
    known = [...(isAll ? older.values : withoutStart(older)), ...known];
    if (isAll || older.isCut || known.length > SIDE) return { values: known, isAll };
  }
}

/** Without what may have been written before the stretch. */
function withoutStart({ values, from }: Stretch): readonly VariableValue[] {
  return values[0] !== undefined && ticksOf(values[0].at) <= from ? values.slice(1) : values;
}

interface Stretch {
  readonly from: Hlc;
  readonly values: readonly VariableValue[];
  /** There were more between the beginning asked for and `from`. */
  readonly isCut: boolean;
}

/** All values of a stretch, or the newest ones of its later part where there are too many. */
async function stretch(
  client: ApiReader,
  question: VariableQuestion,
  range: { readonly from: Hlc; readonly to: Hlc },
  signal: AbortSignal,
): Promise<Stretch> {
  let { from } = range;
  for (let isCut = false; from <= range.to; isCut = true) {
    const values: VariableValue[] = [];
    let cursor: string | undefined;
    for (let pages = 0; pages < MAX_PAGES; pages += 1) {
      const answer = await page(client, question, { ...range, from, cursor, limit: PAGE }, signal);
      values.push(...answer.values);
      cursor = answer.next;
      if (cursor === undefined) return { from, values, isCut };
    }
    if (from === range.to) return { from, values, isCut: true };
    from = clampTicks(Math.ceil((from + range.to) / 2));
  }
  return { from, values: [], isCut: false };
}

interface Asked {
  readonly from: Hlc;
  readonly to?: Hlc;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

function page(
  client: ApiReader,
  { node, log, key }: VariableQuestion,
  { from, to, cursor, limit }: Asked,
  signal: AbortSignal,
): Promise<VariableHistoryJson> {
  return client.get<VariableHistoryJson>(
    "/api/history",
    { node, log, key, from: hexOf(from), to: to && hexOf(to), limit, cursor },
    signal,
  );
}
