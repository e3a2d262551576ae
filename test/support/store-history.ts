/**
 * Puts a random history into a history store, as ingest would leave it: once with what came in time,
 * then the repairs. Real encoded batches; epoch records worked out from the model alone.
 */
import {
  BatchBuilder,
  encodeBatch,
  type Hlc,
  KindCode,
  type LostRange,
  MIN_HLC,
  type RetroEvent,
} from "../../agent/kernel/index.ts";
import type {
  EpochRecord,
  HistoryStore,
  StoredBatch,
  StoredRange,
  StoreWrite,
} from "../../collector/store/history-store.ts";
import {
  type Fate,
  lostRangesOf,
  MESSAGE_TIMEOUT_MS,
  type ModelEpoch,
  type ModelHistory,
} from "./random-history.ts";

/** What the store knows of one run at one stage: the oracle reads this, too. */
export interface KnownEpoch {
  readonly model: ModelEpoch;
  /** By seq. */
  readonly events: readonly RetroEvent[];
  readonly lost: readonly LostRange[];
  readonly record: EpochRecord;
}

export type Stage = "first" | "repaired";

export function isStored(fate: Fate, stage: Stage): boolean {
  return fate === "stored" || (stage === "repaired" && fate.startsWith("late"));
}

function isLost(fate: Fate, stage: Stage): boolean {
  return fate === "lost" || (stage === "first" && fate === "late-lost");
}

/** What is known at a stage. Runs of which nothing is stored are unknown. */
export function knownAt(history: ModelHistory, stage: Stage): KnownEpoch[] {
  return history.epochs.flatMap((model, index) => {
    const events = model.events.filter((_, i) => isStored(model.fates[i] as Fate, stage));
    const lost = lostRangesOf(model, (fate) => isLost(fate, stage));
    if (events.length === 0) return [];
    return [{ model, events, lost, record: recordOf(model, events, lost, index + 1) }];
  });
}

function recordOf(
  model: ModelEpoch,
  events: readonly RetroEvent[],
  lost: readonly LostRange[],
  id: number,
): EpochRecord {
  const stored = storedRanges(model, events);
  const known = [
    ...stored.map((one) => ({ ...one })),
    ...lost.map((one) => ({
      first: one.firstSeq,
      last: one.lastSeq,
      closed: closedAfter(model, one.lastSeq),
    })),
  ].sort((a, b) => a.first - b.first);
  let contiguousSeq = 0;
  let watermark = MIN_HLC;
  for (const range of known) {
    if (range.first > contiguousSeq + 1) break;
    contiguousSeq = range.last;
    watermark = range.closed;
  }
  const first = events[0] as RetroEvent;
  const last = events.at(-1) as RetroEvent;
  const left = events.find(({ kind }) => kind === "leave");
  const join = events.find(({ kind }) => kind === "join");
  return {
    id,
    node: model.node,
    epoch: model.epoch,
    service: model.service,
    tags: {},
    instance: join?.kind === "join" ? join.instance : "",
    imported: model.imported,
    joined: first.t,
    stored,
    lost,
    contiguousSeq,
    watermark,
    closed: known.at(-1)?.closed ?? first.t,
    lastT: last.t,
    end: left
      ? { kind: "left", t: left.t }
      : model.expiredAt !== null
        ? { kind: "expired", t: model.expiredAt }
        : null,
    firstArrivalMs: model.lastArrivalMs,
    lastArrivalMs: model.lastArrivalMs,
    eventCount: events.length,
    logs: logsOf(events),
    status: model.unstamped.length === 0 ? null : { unstamped: model.unstamped },
  } as EpochRecord;
}

function storedRanges(model: ModelEpoch, events: readonly RetroEvent[]): StoredRange[] {
  const ranges: { first: number; last: number; firstT: Hlc; lastT: Hlc; closed: Hlc }[] = [];
  for (const { seq, t } of events) {
    const current = ranges.at(-1);
    if (current !== undefined && current.last + 1 === seq) {
      current.last = seq;
      current.lastT = t;
    } else {
      ranges.push({ first: seq, last: seq, firstT: t, lastT: t, closed: t });
    }
  }
  return ranges.map((range) => ({ ...range, closed: closedAfter(model, range.last) }));
}

/** What the agent promised after that event: half way to the next, or all of its quiet end. */
function closedAfter(model: ModelEpoch, seq: number): Hlc {
  const event = model.events[seq - 1] as RetroEvent;
  const next = model.events[seq];
  if (next === undefined) return Math.max(model.closed, event.t) as Hlc;
  return Math.floor((event.t + Math.max(event.t, next.t - 1)) / 2) as Hlc;
}

function logsOf(events: readonly RetroEvent[]): EpochRecord["logs"] {
  const logs = Object.create(null) as Record<
    string,
    { firstT: Hlc; lastT: Hlc; changeCount: number }
  >;
  for (const event of events) {
    if (!("log" in event)) continue;
    const known = logs[event.log];
    const count = event.kind === "keyframe" ? 0 : 1;
    logs[event.log] = {
      firstT: known?.firstT ?? event.t,
      lastT: event.t,
      changeCount: (known?.changeCount ?? 0) + count,
    };
  }
  return logs;
}

/** Writes what is known at a stage and was not written at the stage before. */
export async function storeStage(
  store: HistoryStore,
  history: ModelHistory,
  stage: Stage,
  batchEvents: number,
): Promise<void> {
  const known = knownAt(history, stage);
  const before = stage === "repaired" ? knownAt(history, "first") : [];
  const write = {
    batches: [] as StoredBatch[],
    epochs: known.map(({ record }) => record),
    violations: [] as StoreWrite["violations"][number][],
    slowMessages: [] as StoreWrite["slowMessages"][number][],
    staleCheckpoints: [] as StoreWrite["staleCheckpoints"][number][],
  };
  for (const { model, events, record } of known) {
    const old = before.find((one) => one.record.id === record.id);
    const seen = new Set(old?.events.map(({ seq }) => seq));
    const added = events.filter(({ seq }) => !seen.has(seq));
    write.batches.push(...batchesOf(model, record, added, batchEvents));
    const [first] = added;
    if (old !== undefined && first !== undefined) {
      write.staleCheckpoints.push({ epochId: record.id, fromT: first.t });
    }
    for (const event of added) {
      if (event.kind !== "receive" || event.from === null || event.sentT === null) continue;
      if (event.relayed) continue;
      const receive = { node: model.node, epoch: model.epoch, seq: event.seq };
      const row = { sendT: event.sentT, receiveT: event.t, send: event.from, receive };
      if (event.sentT >= event.t) write.violations.push(row);
      if (event.t - event.sentT > MESSAGE_TIMEOUT_MS * 4096) write.slowMessages.push(row);
    }
  }
  await store.write(write);
}

function batchesOf(
  model: ModelEpoch,
  record: EpochRecord,
  events: readonly RetroEvent[],
  batchEvents: number,
): StoredBatch[] {
  const groups: RetroEvent[][] = [];
  for (const event of events) {
    const group = groups.at(-1);
    const last = group?.at(-1);
    const follows = last !== undefined && last.seq + 1 === event.seq;
    const isCommit = last !== undefined && last.t === event.t;
    if (group !== undefined && follows && (group.length < batchEvents || isCommit))
      group.push(event);
    else groups.push([event]);
  }
  return groups.map((group) => storedBatch(model, record, group));
}

function storedBatch(model: ModelEpoch, record: EpochRecord, events: RetroEvent[]): StoredBatch {
  const builder = new BatchBuilder();
  for (const event of events) addTo(builder, event);
  const { node, service, epoch, imported } = model;
  const firstSeq = (events[0] as RetroEvent).seq;
  const closed = closedAfter(model, (events.at(-1) as RetroEvent).seq);
  const batch = builder.build({ node, service, epoch, firstSeq, closed, imported });
  const { lastSeq, firstT, lastT } = batch.header;
  const bytes = encodeBatch(batch);
  return { epochId: record.id, firstSeq, lastSeq, firstT, lastT, arrivalMs: 1, bytes };
}

function addTo(builder: BatchBuilder, event: RetroEvent): void {
  const { seq: _seq, t, ...body } = event;
  switch (body.kind) {
    case "set":
    case "add":
    case "remove":
      builder.change(t, KindCode[body.kind], body.log, body.key, body.value);
      return;
    case "delete":
      builder.change(t, KindCode.delete, body.log, body.key);
      return;
    default:
      builder.body(t, body);
  }
}
