/**
 * What the nodes of a feed hold and are, as it was told last; and what of that differs now. One row of
 * columns per node, read from the node's own replay where something happened.
 */
import { type Hlc, type LostRange, valuesEqual } from "../../agent/kernel/index.ts";
import type { NodeStatus } from "./answers.ts";
import type { CutContext } from "./context.ts";
import type { FeedChange, FeedColumn, FeedHeld, FeedStanding } from "./feed-shapes.ts";
import { spanAt, statusOf } from "./membership.ts";
import type { NodeReplay } from "./node-replay.ts";
import type { WalkChange } from "./walk-shapes.ts";

const ABSENT: FeedHeld = { is: "absent" };
const BEFORE_HISTORY: FeedHeld = { is: "lost", by: [] };

/** Which columns a change touches. */
export class ColumnIndex {
  readonly columns: readonly FeedColumn[];
  readonly all: readonly number[];
  readonly #byLog = new Map<string, Map<string, number[]>>();

  constructor(columns: readonly FeedColumn[]) {
    this.columns = columns;
    this.all = columns.map((_, index) => index);
    for (const [index, { log, key }] of columns.entries()) {
      const keys = this.#byLog.get(log) ?? new Map<string, number[]>();
      this.#byLog.set(log, keys);
      keys.set(key, [...(keys.get(key) ?? []), index]);
    }
  }

  touched({ log, key }: WalkChange): readonly number[] {
    if (log === "") return this.all;
    const keys = this.#byLog.get(log);
    if (keys === undefined) return [];
    return key === "" ? [...keys.values()].flat() : (keys.get(key) ?? []);
  }
}

/** What one node holds. */
export class NodeColumns {
  readonly #index: ColumnIndex;
  readonly #held: FeedHeld[];
  /** By column: the seq up to which a loss does not matter any more, as it was known after it. */
  readonly #knownSeq: number[];
  #epochId: number | undefined;

  constructor(index: ColumnIndex) {
    this.#index = index;
    this.#held = index.columns.map(() => ABSENT);
    this.#knownSeq = index.columns.map(() => 0);
  }

  /** Reads these columns again; tells those that differ, and notes them. */
  *differing(replay: NodeReplay, columns: Iterable<number>): Generator<[number, FeedHeld]> {
    if (this.#epochId !== replay.span?.record.id) {
      this.#epochId = replay.span?.record.id;
      this.#knownSeq.fill(0);
    }
    for (const column of columns) {
      const before = this.#held[column] as FeedHeld;
      const held = this.#read(replay, column);
      if (held.is !== "lost") this.#knownSeq[column] = replay.view?.seq ?? 0;
      if (isSameHeld(before, held)) continue;
      this.#held[column] = held;
      yield [column, held];
    }
  }

  #read(replay: NodeReplay, column: number): FeedHeld {
    const { view } = replay;
    if (view === undefined) return ABSENT;
    if (replay.isBeforeHistory) return BEFORE_HISTORY;
    const { log, key } = this.#index.columns[column] as FeedColumn;
    const image = view.logs.get(log);
    const value = image?.get(key);
    if (value !== undefined) return { is: "known", value };
    if (image === undefined) {
      const by = view.lostOf(log);
      return by.length === 0 ? ABSENT : { is: "lost", by };
    }
    if (!image.isLost(key)) return ABSENT;
    const knownSeq = this.#knownSeq[column] as number;
    const since = image.lost.filter(({ lastSeq }) => lastSeq > knownSeq);
    return { is: "lost", by: since.length === 0 ? image.lost : since };
  }
}

/** Whether nothing differs that anybody may see. */
export function isSameHeld(a: FeedHeld, b: FeedHeld): boolean {
  if (a.is === "known") return b.is === "known" && valuesEqual(a.value, b.value);
  if (a.is === "lost") return b.is === "lost" && areSameRanges(a.by, b.by);
  return b.is === "absent";
}

function areSameRanges(a: readonly LostRange[], b: readonly LostRange[]): boolean {
  return (
    a === b ||
    (a.length === b.length &&
      a.every((one, index) => {
        const other = b[index] as LostRange;
        return one.firstSeq === other.firstSeq && one.lastSeq === other.lastSeq;
      }))
  );
}

/** What a node is at `t`, to which its replay has come; undefined: it has not joined yet. */
export function standingAt(
  { timers, limits }: CutContext,
  node: number,
  replay: NodeReplay,
  t: Hlc,
): FeedStanding | undefined {
  const { span } = replay;
  if (span === undefined) {
    const before = spanAt(replay.spans, t)?.record;
    if (before === undefined) return undefined;
    const status = before.end?.kind ?? "left";
    return { node, service: before.service, epoch: before.epoch, status, isMember: false };
  }
  const { service, epoch, watermark } = span.record;
  let status: NodeStatus = "live";
  if (t > watermark) {
    const judged = statusOf(span.record, timers.nowMs(), limits.suspectAfterMs);
    // It has not left yet.
    status = judged === "left" ? "live" : judged;
  }
  return { node, service, epoch, status, isMember: true };
}

export function isSameStanding(a: FeedStanding | undefined, b: FeedStanding | undefined): boolean {
  return (
    a?.epoch === b?.epoch &&
    a?.isMember === b?.isMember &&
    a?.status === b?.status &&
    a?.service === b?.service
  );
}

/** Columns touched, by node. */
export function noteTouched(
  touched: Map<number, Set<number>>,
  node: number,
  columns: readonly number[],
): void {
  const known = touched.get(node);
  if (known === undefined) touched.set(node, new Set(columns));
  else for (const column of columns) known.add(column);
}

/** What differs of a node, as changes of a step. */
export function changesOf(
  node: number,
  held: NodeColumns,
  replay: NodeReplay,
  columns: Iterable<number>,
): FeedChange[] {
  return [...held.differing(replay, columns)].map(([column, now]) => ({ node, column, held: now }));
}
