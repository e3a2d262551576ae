/**
 * Every kind of record that a store holds, by the first byte of its key: what it is called, and what is
 * to be true of it beyond its checksum. A new kind of record enters here, in the commit that
 * introduces it: until then `verify` calls it unknown, which is damage.
 */
import { checkSideBytes, decodeBatch, RetroError } from "../../agent/kernel/index.ts";
import {
  BATCH,
  batchKeyOfSeqKey,
  batchOfKey,
  checkpointKey,
  epochOfKey,
  placeOfSideKey,
  seqKey,
  timeOfDirectoryKey,
} from "../store/keys.ts";
import {
  BATCH_PREFIX_BYTES,
  decodeDirectory as decodeDirectoryRecord,
  decodeEpoch,
  decodeLog,
} from "../store/records.ts";
import { decodeSegmentHeader, isSegment } from "../store/segment-header.ts";
import { CheckpointChecker } from "./checkpoint-checker.ts";
import { checkBlock, placeOfBlock, readableEvents } from "./segment-checks.ts";
import type { Place, WalkContext } from "./walk-context.ts";

export interface RecordKind {
  readonly name: string;
  /** What readers do without when such a record is damaged. */
  readonly without: string;
  /** Looks into a payload whose checksum holds. What it throws is a damage of this record. */
  check(walk: WalkContext, key: Buffer, payload: Buffer): void;
  /** Where in history it belongs, if more is known of that than its key says. */
  place?(walk: WalkContext, key: Buffer): Place;
  /** Told of a record whose checksum does not hold; its key may be all there is. */
  damaged?(walk: WalkContext, key: Buffer): void;
}

const checkpoints = new WeakMap<WalkContext, CheckpointChecker>();

/** By the first byte of the key. */
export const RECORD_KINDS: ReadonlyMap<string, RecordKind> = new Map<string, RecordKind>([
  ["F", { name: "format", without: "nothing can be opened", check: () => {} }],
  ["E", { name: "epoch", without: "the collector does not start", check: checkEpoch }],
  ["L", { name: "log", without: "the collector does not start", check: checkLog }],
  [
    "B",
    {
      name: "batch",
      without: "its events are served as lost",
      check: checkBatch,
      damaged: coverDamagedBatch,
    },
  ],
  [
    "N",
    {
      name: "block",
      without: "the log that it holds is served as lost",
      check: checkBlock,
      place: placeOfBlock,
    },
  ],
  ["S", { name: "seq", without: "its batch is found by a search", check: checkSeq }],
  ["V", { name: "violation", without: "cuts in its stretch are refused", check: checkJson }],
  ["M", { name: "slow", without: "cuts in its stretch are refused", check: checkJson }],
  ["D", { name: "directory", without: "cuts start further back", check: checkDirectory }],
  ["C", { name: "checkpoint", without: "cuts start further back", check: checkCheckpoint }],
  [
    "K",
    { name: "capture", without: "what it brought is history like any other", check: checkJson },
  ],
  ["A", { name: "monitor", without: "a standing query is not there", check: checkJson }],
  ["T", { name: "tile", without: "the timeline counts its events again", check: () => {} }],
  ["J", { name: "stretch", without: "cuts join its messages again", check: () => {} }],
  ["I", { name: "cell", without: "cuts join the messages of its stretch again", check: () => {} }],
  ["R", { name: "pruned", without: "the collector does not start", check: checkJson }],
  ["G", { name: "gone", without: "the collector does not start", check: checkJson }],
  ["O", { name: "messages-gone", without: "the collector does not start", check: checkJson }],
  ["H", { name: "highest-id", without: "an epoch's id may be given again", check: () => {} }],
  ["P", { name: "saved", without: "a saved cut is not there", check: () => {} }],
  [
    "X",
    { name: "side", without: "how its node was doing then is not known", check: checkSideBlock },
  ],
]);

/** The kind of the record that stands under a key. */
export function kindOfKey(key: Buffer): RecordKind | undefined {
  return RECORD_KINDS.get(String.fromCharCode(key[0] ?? 0));
}

function checkEpoch(_walk: WalkContext, key: Buffer, payload: Buffer): void {
  const record = decodeEpoch(payload);
  must(record.id === epochOfKey(key), `it says that its id is ${record.id}`);
  let last = 0;
  for (const range of record.stored) {
    must(range.first > last && range.last >= range.first, "its stored ranges are out of order");
    last = range.last;
  }
}

function checkLog(walk: WalkContext, key: Buffer, payload: Buffer): void {
  decodeLog(payload);
  const epochId = epochOfKey(key);
  must(walk.epochs.has(epochId), `epoch ${epochId}, which it belongs to, is not there`);
}

function checkBatch(walk: WalkContext, key: Buffer, payload: Buffer): void {
  const { epochId, ...range } = batchOfKey(key);
  const covered = walk.cover(epochId, range, key);
  const epoch = walk.epochs.get(epochId);
  must(epoch !== undefined, `epoch ${epochId}, which it belongs to, is not there`);
  const bytes = payload.subarray(BATCH_PREFIX_BYTES);
  const isSealed = isSegment(bytes);
  const header = isSealed ? decodeSegmentHeader(bytes) : decodeBatch(bytes).header;
  must(header.node === epoch.node, `it says that it is of ${header.node}`);
  must(header.epoch === epoch.epoch, `it says that it is of epoch ${header.epoch}`);
  const isSame =
    header.firstSeq === range.first &&
    header.lastSeq === range.last &&
    header.firstT === range.firstT &&
    header.lastT === range.lastT;
  must(isSame, `it says that it holds seqs ${header.firstSeq} to ${header.lastSeq}`);
  covered.readableCount += isSealed
    ? readableEvents(walk, key, bytes)
    : range.last - range.first + 1;
  const index = seqKey({ epochId, ...header });
  if (walk.store.get(index) === undefined) {
    walk.note("seq", "missing", "a batch stands in no index by seq", {
      epochId,
      range,
      key: index,
    });
  }
}

/** Its key still says which events are gone. */
function coverDamagedBatch(walk: WalkContext, key: Buffer): void {
  const { epochId, ...range } = batchOfKey(key);
  walk.cover(epochId, range, key);
}

function checkSeq(walk: WalkContext, key: Buffer): void {
  const batch = batchKeyOfSeqKey(key);
  if (batch[0] === BATCH && walk.store.get(batch) !== undefined) return;
  const { epochId, ...range } = batchOfKey(batch);
  walk.note("batch", "missing", "the index by seq names a batch that is not there", {
    epochId,
    range,
    key: batch,
  });
}

function checkSideBlock(walk: WalkContext, key: Buffer, payload: Buffer): void {
  const place = placeOfSideKey(key);
  must(place !== undefined, "its stream is not known");
  must(walk.epochs.has(place.epochId), `epoch ${place.epochId}, which it belongs to, is not there`);
  checkSideBytes({ stream: place.stream, bytes: payload.subarray(BATCH_PREFIX_BYTES) });
}

function checkJson(_walk: WalkContext, _key: Buffer, payload: Buffer): void {
  JSON.parse(payload.toString());
}

function checkDirectory(walk: WalkContext, key: Buffer, payload: Buffer): void {
  const { seq, bytes } = decodeDirectoryRecord(payload);
  const epochId = epochOfKey(key);
  must(walk.epochs.has(epochId), `epoch ${epochId}, which it belongs to, is not there`);
  for (const [log, seqOfState] of checkerOf(walk).logsOf(bytes)) {
    must(
      seqOfState <= seq,
      `the state of ${log} is said to be of seq ${seqOfState}, later than ${seq}`,
    );
    const state = checkpointKey(epochId, seqOfState, log);
    if (walk.store.get(state) !== undefined) continue;
    const t = timeOfDirectoryKey(key);
    walk.note("checkpoint", "missing", `a directory names a state of ${log} that is not there`, {
      epochId,
      range: { first: seqOfState, last: seq, firstT: t, lastT: t },
      key: state,
    });
  }
}

function checkCheckpoint(walk: WalkContext, key: Buffer, payload: Buffer): void {
  checkerOf(walk).check(key, payload);
}

function checkerOf(walk: WalkContext): CheckpointChecker {
  let checker = checkpoints.get(walk);
  if (checker === undefined) {
    checker = new CheckpointChecker(walk.store);
    checkpoints.set(walk, checker);
  }
  return checker;
}

function must(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new RetroError("data-damaged", otherwise);
}
