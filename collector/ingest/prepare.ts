/**
 * The part of ingest that needs no memory of other batches: bytes to checked batches with their
 * facts. Runs as bodies arrive, while the disk is busy with those before. Hot: bench `ingest`.
 */
import {
  addMs,
  type Batch,
  BatchBuilder,
  type BatchHeader,
  checkSideBytes,
  decodeBatch,
  encodeBatch,
  type Hlc,
  KindCode,
  RetroError,
  type SideBlock,
  splitFrames,
  unixMsFromTicks,
  ValueTag,
  valueAt,
} from "../../agent/kernel/index.ts";
import { type BatchFacts, scanBatch } from "./scan.ts";

/** How far ahead of the collector's clock a live agent may be and still be stored. */
export const DEFAULT_MAX_AHEAD_MS: number = 24 * 60 * 60 * 1_000;

/** Nodes that the batches of one body name as senders; of batches beyond it none are looked at. */
const MAX_SENDERS_PER_BODY = 16_384;

/** A batch that is well-formed and within the gate. */
export interface PreparedBatch {
  readonly header: BatchHeader;
  readonly bytes: Uint8Array;
  readonly facts: BatchFacts;
  /** What came beside the events: kept on its own, so it is not in `bytes`. Absent: nothing did. */
  readonly sideBlocks?: readonly SideBlock[];
}

/** What is admitted by time. */
export interface IngestGate {
  /** The collector's physical time. */
  readonly now: Hlc;
  readonly maxAheadMs: number;
  /** Whether a batch is older than what is retained; default: none is. */
  readonly isTooOld?: (header: BatchHeader) => boolean;
  /** Messages longer on their way are kept apart; default: DEFAULT_MESSAGE_TIMEOUT_MS. */
  readonly messageTimeoutMs?: number;
}

/**
 * All batches of a body, or none; may be paused after each.
 * @throws RetroError `bad-batch`, `too-large`, `unsupported-version`, `too-far-ahead`, `too-old`
 */
export function* prepareBody(
  body: Uint8Array,
  gate: IngestGate,
): Generator<void, PreparedBatch[], void> {
  const frames = splitFrames(body);
  if (frames.length === 0) {
    throw new RetroError("bad-batch", "the body is empty", {
      hint: "Send one or more encoded batches, one after the other.",
    });
  }
  const batches: PreparedBatch[] = [];
  let senderCount = 0;
  for (const bytes of frames) {
    if (batches.length > 0) yield;
    const batch = prepareBatch(bytes, gate);
    senderCount += batch.facts.senders.length;
    const isTooMuch = senderCount > MAX_SENDERS_PER_BODY;
    batches.push(isTooMuch ? { ...batch, facts: { ...batch.facts, senders: [] } } : batch);
  }
  return batches;
}

function prepareBatch(bytes: Uint8Array, gate: IngestGate): PreparedBatch {
  const batch = decodeBatch(bytes);
  checkGate(batch.header, gate);
  const { header, events, sideBlocks = [] } = batch;
  const facts = scanBatch(batch, gate.messageTimeoutMs);
  if (sideBlocks.length === 0) return { header, bytes, facts };
  checkSeconds(header, sideBlocks, gate);
  const bare = encodeBatch({ header, events });
  return { header, bytes: bare, facts, sideBlocks: sideBlocks.filter(isReadable) };
}

/**
 * Whether a reader could decode a block later. What it could not, as of a later version of agents, is not kept; it is
 * an observation beside the events, and they are not refused for it.
 */
function isReadable(block: SideBlock): boolean {
  try {
    checkSideBytes(block);
    return true;
  } catch (error) {
    if (error instanceof RetroError) return false;
    throw error;
  }
}

/** They are of the node's raw clock, which is never ahead of its stamps by itself. */
function checkSeconds(
  header: BatchHeader,
  sideBlocks: readonly SideBlock[],
  { now, maxAheadMs }: IngestGate,
): void {
  const latest = unixMsFromTicks(now) / 1_000 + maxAheadMs / 1_000;
  const ahead = sideBlocks.find(({ second }) => second > latest);
  if (ahead === undefined) return;
  throw new RetroError("too-far-ahead", `${header.node}: a side block of a second far ahead`, {
    hint: `Set that host's clock; the collector accepts up to ${maxAheadMs} ms.`,
    details: { node: header.node },
  });
}

function checkGate(header: BatchHeader, { now, maxAheadMs, isTooOld }: IngestGate): void {
  // Imports carry the time of their file; decodeBatch keeps all stamps within 1970 to 2089.
  if (!header.imported && header.closed > addMs(now, maxAheadMs)) {
    const aheadMs = Math.round((header.closed - now) / 4096);
    throw new RetroError(
      "too-far-ahead",
      `${header.node} is ${aheadMs} ms ahead of the collector`,
      {
        hint: `Set that host's clock; the collector accepts up to ${maxAheadMs} ms.`,
        details: { node: header.node },
      },
    );
  }
  if (isTooOld?.(header) === true) {
    throw new RetroError("too-old", `${header.node}: events older than what is retained`, {
      hint: "They would be removed at once. Raise the retention to keep them.",
      details: { node: header.node },
    });
  }
}

/**
 * The part [first, last] of a batch, as a batch of its own: for a batch of which some events are
 * stored already. Rare, so one row at a time.
 */
export function cutBatch(
  whole: Batch,
  first: number,
  last: number,
  messageTimeoutMs?: number,
): PreparedBatch {
  const { header, events } = whole;
  const builder = new BatchBuilder();
  for (let seq = first; seq <= last; seq += 1) addEvent(builder, whole, seq - header.firstSeq);
  const lastT = events.t[last - header.firstSeq] as Hlc;
  const part = encodeBatch(
    builder.build({
      node: header.node,
      service: header.service,
      epoch: header.epoch,
      firstSeq: first,
      // Of a part that is followed by more only this much is promised.
      closed: last === header.lastSeq ? header.closed : lastT,
      imported: header.imported,
    }),
  );
  const decoded = decodeBatch(part);
  return { header: decoded.header, bytes: part, facts: scanBatch(decoded, messageTimeoutMs) };
}

function addEvent(builder: BatchBuilder, batch: Batch, i: number): void {
  const { events } = batch;
  const t = events.t[i] as Hlc;
  const code = events.kind[i] as number;
  if (code > KindCode.remove) {
    const body = events.bodies[events.ref[i] as number];
    if (body !== undefined) builder.body(t, body);
    return;
  }
  const variable = events.variables[events.ref[i] as number];
  if (variable === undefined) return;
  const isCutShort = events.valueTag[i] === ValueTag.cutShort;
  builder.change(t, code, variable.log, variable.key, valueAt(events, i), isCutShort);
}
