/**
 * The lines of one run of a node as batches: consecutive seqs, commits whole, lost ranges declared
 * with the batch that follows them.
 */
import type { Batch, LostRange } from "./batch.ts";
import { BatchBuilder } from "./batch-builder.ts";
import type { LineContent } from "./event-line-parse.ts";
import { withPossibleArrival } from "./event-line-requests.ts";
import type { Stamped } from "./event-line-stamps.ts";
import type { Hlc } from "./hlc.ts";

/** One line with its place: a lost range takes as many seqs as it has events. */
export interface RunEntry extends Stamped {
  readonly content: LineContent;
  readonly seq: number;
  /** Length of the line's text, of which the bytes in a batch are never more than a small multiple. */
  readonly size: number;
  readonly send: RunEntry | undefined;
}

/** One epoch of a node, as the file tells it. */
export interface Run {
  readonly node: string;
  readonly epoch: number;
  service: string;
  readonly entries: RunEntry[];
  /** The `closed` of its last batch; at least its last t. */
  closed: Hlc;
}

/** A batch ends at the first commit boundary beyond one of these; the wire allows 16 and 4 times more. */
const BATCH_EVENTS = 4_096;
const BATCH_TEXT = 1024 * 1024;
const MAX_STEP_TICKS = 2 ** 52;
/** More lost ranges than this in a row are folded into one that names fewer logs; the wire allows 4 times more. */
const BATCH_LOST_RANGES = 1_024;

export function* batchesOf(run: Run): Generator<Batch> {
  const builder = new BatchBuilder();
  let dropped: LostRange[] = [];
  let firstSeq = 1;
  let nextSeq = 1;
  let size = 0;
  const take = (closed: Hlc): Batch => {
    const { node, service, epoch } = run;
    const batch = builder.build({
      node,
      service,
      epoch,
      firstSeq,
      closed,
      dropped,
      imported: true,
    });
    builder.reset();
    dropped = [];
    firstSeq = nextSeq;
    size = 0;
    return batch;
  };
  for (const { content, seq, t, size: lineSize, send } of run.entries) {
    const lastT = builder.lastT;
    const isFull = builder.count >= BATCH_EVENTS || size >= BATCH_TEXT;
    const isBoundary = lastT !== undefined && t > lastT;
    const isHole = seq !== nextSeq || content.kind === "lost";
    const leaps = lastT !== undefined && t - lastT > MAX_STEP_TICKS;
    if (lastT !== undefined && (isHole || leaps || (isFull && isBoundary))) yield take(lastT);
    if (content.kind === "lost") {
      const range = lostRange(content, seq, t);
      const before = dropped.at(-1);
      const isFollowing = before?.lastSeq === seq - 1;
      if (dropped.length >= BATCH_LOST_RANGES && !isFollowing) yield take((t - 1) as Hlc);
      if (
        before &&
        isFollowing &&
        (isAlike(before, range) || dropped.length >= BATCH_LOST_RANGES)
      ) {
        dropped[dropped.length - 1] = joined(before, range);
      } else {
        dropped.push(range);
      }
      nextSeq = seq + content.events;
      firstSeq = nextSeq;
      continue;
    }
    if (builder.count === 0) firstSeq = seq;
    nextSeq = seq + 1;
    size += lineSize;
    addTo(builder, content, t, send);
  }
  const lastT = builder.lastT;
  const closed = (lastT !== undefined && lastT > run.closed ? lastT : run.closed) as Hlc;
  yield take(closed);
}

function addTo(
  builder: BatchBuilder,
  content: LineContent,
  t: Hlc,
  send: RunEntry | undefined,
): void {
  if (content.kind === "change") {
    const { code, log, key, value, isCutShort } = content;
    builder.change(t, code, log, key, value, isCutShort);
  } else if (content.kind === "receive") {
    // The send's t may have been bumped after the line was read.
    builder.body(t, send === undefined ? content.body : { ...content.body, sentT: send.t });
  } else if (content.kind === "body" || content.kind === "send") {
    builder.body(t, withPossibleArrival(content.body, t));
  }
}

function lostRange(content: LineContent & { kind: "lost" }, seq: number, t: Hlc): LostRange {
  const { events, from, logs, messages, reason } = content;
  const firstT = from !== null && from.t < t ? from.t : t;
  return { firstSeq: seq, lastSeq: seq + events - 1, firstT, lastT: t, logs, messages, reason };
}

function isAlike(a: LostRange, b: LostRange): boolean {
  return (
    a.reason === b.reason &&
    a.messages === b.messages &&
    (a.logs === b.logs || (a.logs !== null && a.logs.join("\0") === b.logs?.join("\0")))
  );
}

/** Two ranges without a seq between them as one that claims no less than both. */
function joined(a: LostRange, b: LostRange): LostRange {
  return {
    ...a,
    lastSeq: b.lastSeq,
    firstT: Math.min(a.firstT, b.firstT) as Hlc,
    lastT: Math.max(a.lastT, b.lastT) as Hlc,
    logs: isAlike(a, b) ? a.logs : null,
    messages: a.messages || b.messages,
  };
}
