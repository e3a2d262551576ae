/**
 * The state with which an epoch's history begins once what lies before is gone.
 *
 *     D1 (checkpointer's) ...events... | B, the end of what is to go      D2 (checkpointer's, later)
 *                                      | directory of B: states of the logs that changed since D1, and
 *                                      | for the others the states that D1 names
 *
 * Later directories name what D1 named, or what was written after it, and their key lists were written
 * with or before D1, or after it too. So everything that the directory of B names, key lists included,
 * is what has to stay; its states refer to the key lists that D1's do.
 */
import type { Hlc, LostRange } from "../../agent/kernel/index.ts";
import type { CheckpointWrite, EpochRecord, PrunedEpoch } from "../store/history-store.ts";
import { type Directory, encodeDirectory, encodeLogState, keysSeqOf } from "./checkpoint-codec.ts";
import type { EpochSource } from "./epoch-source.ts";
import { EpochView } from "./epoch-view.ts";
import { LogImage } from "./log-image.ts";

/** Where a piece of what is stored ends: its last event. */
export interface PieceEnd {
  readonly seq: number;
  readonly t: Hlc;
}

/**
 * The checkpoint of an epoch at the end of a piece inside its contiguous prefix; "there": it is written
 * already; undefined: none can be made just here (a lost range begins at this very time).
 */
export function checkpointAt(
  source: EpochSource,
  record: EpochRecord,
  { seq, t }: PieceEnd,
): CheckpointWrite | "there" | undefined {
  // Before anything is read: a repair that comes in between makes the store drop the checkpoint.
  const repairCount = source.store.repairCount(record.id);
  const view = source.startBefore(record.id, t) ?? new EpochView();
  const earlier = source.directoryBefore(record.id, view.t);
  const known = earlier?.t === view.t ? earlier.directory.logs : new Map<string, number>();
  if (view.seq >= seq) return view.seq === seq && earlier?.t === t ? "there" : undefined;
  const changed = changedLogs(source, record, view, t);
  const lost = new Map([...view.logs].map(([log, image]) => [log, image.lost]));
  source.advance(view, record, t);
  if (view.seq !== seq) return undefined;
  const logs = new Map(known);
  const states: { log: string; bytes: Uint8Array }[] = [];
  for (const [log, image] of view.logs) {
    if (known.has(log) && !changed.has(log) && isSame(lost.get(log), image.lost)) continue;
    const keys = keysOf(source, record.id, log, known.get(log));
    if (keys === undefined) image.compact();
    const list = keys === undefined ? undefined : { seq: keys, list: image.base };
    states.push({ log, bytes: encodeLogState(image, list) });
    logs.set(log, seq);
  }
  const directory = encodeDirectory({
    logs,
    lost: view.lost,
    senders: view.senders.rows(),
    moreSendersFrom: view.senders.moreFrom,
    lastSendT: view.lastSendT,
    lastReceiveT: view.lastReceiveT,
  });
  return { epochId: record.id, seq, t, directory, repairCount, makesRoom: true, logs: states };
}

/**
 * The mark that lets an epoch begin at the directory of exactly (seq, t); undefined if that is not
 * there, or cannot be read with all that it names.
 */
export function markAt(
  source: EpochSource,
  epochId: number,
  { seq, t }: PieceEnd,
): PrunedEpoch | undefined {
  const found = source.directoryBefore(epochId, t);
  if (found?.t !== t || found.seq !== seq) return undefined;
  const view = source.startBefore(epochId, t);
  if (view?.t !== t || view.seq !== seq) return undefined;
  return { epochId, seq, t, keep: keptBy(source, epochId, seq, found.directory) };
}

/**
 * The state with which a pruned epoch begins, without some logs: they are lost there. Written in the place of
 * the one that is there, with the mark that keeps nothing of them; undefined: it holds nothing of them.
 */
export function beginningWithout(
  source: EpochSource,
  epochId: number,
  erased: ReadonlySet<string>,
): { readonly checkpoint: CheckpointWrite; readonly mark: PrunedEpoch } | undefined {
  const repairCount = source.store.repairCount(epochId);
  const mark = source.store.pruned(epochId);
  if (mark === undefined || mark.isBlank === true) return undefined;
  const { seq, t } = mark;
  const found = source.directoryBefore(epochId, t);
  if (found?.t !== t) return undefined;
  const { directory } = found;
  const gone = [...directory.logs.keys()].filter((log) => erased.has(log));
  if (gone.length === 0) return undefined;
  const lost: LostRange = {
    ...{ firstSeq: seq, lastSeq: seq, firstT: t, lastT: t },
    ...{ logs: gone, messages: false, reason: "refused" },
  };
  const bytes = encodeDirectory({
    ...directory,
    logs: new Map([...directory.logs].filter(([log]) => !erased.has(log))),
    lost: [...directory.lost, lost],
  });
  // States that were written with this very directory are written with it again. Those that go are not swept,
  // as they do not lie before the mark: nothing is written over them.
  const states: { log: string; bytes: Uint8Array }[] = [];
  for (const [log, at] of directory.logs) {
    if (at !== seq) continue;
    const bytes = erased.has(log)
      ? encodeLogState(new LogImage(), undefined)
      : source.store.checkpoint(epochId, log, seq);
    if (bytes !== undefined) states.push({ log, bytes });
  }
  return {
    checkpoint: { epochId, seq, t, directory: bytes, repairCount, logs: states },
    mark: { ...mark, keep: mark.keep.filter(({ log }) => !erased.has(log)) },
  };
}

/** Checkpoints before `seq` that a directory needs: the states it names, and their key lists. */
function keptBy(
  source: EpochSource,
  epochId: number,
  seq: number,
  { logs }: Directory,
): PrunedEpoch["keep"] {
  const keep: { log: string; seq: number }[] = [];
  for (const [log, at] of logs) {
    if (at < seq) keep.push({ log, seq: at });
    const keys = keysOf(source, epochId, log, at);
    if (keys !== undefined && keys < seq && keys !== at) keep.push({ log, seq: keys });
  }
  return keep;
}

/** The seq of the checkpoint that holds the key list of a log's state. */
function keysOf(
  source: EpochSource,
  epochId: number,
  log: string,
  seq: number | undefined,
): number | undefined {
  const bytes = seq === undefined ? undefined : source.store.checkpoint(epochId, log, seq);
  if (bytes === undefined) return undefined;
  const keys = keysSeqOf(bytes);
  return keys === 0 ? seq : keys;
}

/** Logs of which something was recorded after the view and by `t`. */
function changedLogs(
  source: EpochSource,
  record: EpochRecord,
  view: EpochView,
  t: Hlc,
): ReadonlySet<string> {
  const changed = new Set<string>();
  for (const { header, events } of source.batches(record.id, view.t, t)) {
    if (header.lastSeq <= view.seq) continue;
    for (const { log } of events.variables) changed.add(log);
    for (const body of events.bodies) if (body.kind === "keyframe") changed.add(body.log);
  }
  return changed;
}

function isSame(a: readonly LostRange[] | undefined, b: readonly LostRange[]): boolean {
  return a === b || (a?.length === 0 && b.length === 0);
}
