/**
 * Feeds a file of event lines to a collector: the kernel reads the lines (event-lines.ts), this file
 * brings the bytes, packs the batches into bounded bodies and posts them, one after the other.
 *
 *     bytes --hash--> epoch of the file
 *           --lines-> batches --encode--> bodies of at most 2 MiB --> POST /v1/batches
 *
 * Importing a file twice stores nothing new: same bytes, same epoch, same seqs. A broken import is
 * mended by running it again. A *changed* file is another file: imported into the same collector its
 * lines stand beside those of the first. The report names the nodes to which that happens.
 */
import { createHash } from "node:crypto";
import {
  type Batch,
  type EventLineCounts,
  encodeBatch,
  epochFromHash,
  RetroError,
  readEventLines,
} from "../../agent/kernel/index.ts";
import type { NodesJson } from "../api/shapes.ts";
import type { CollectorDoor } from "./collector-door.ts";
import { ticksOf } from "./export-start.ts";

/** A file is read into memory, which takes several times its size. */
export const MAX_FILE_BYTES: number = 256 * 1024 * 1024;
/** A body ends before it would exceed this; a single batch may. */
export const MAX_BODY_BYTES: number = 2 * 1024 * 1024;
export const MAX_BODY_BATCHES = 256;

/** A node that restarts in a file has more than one epoch of the file's own; never so many. */
const FILE_EPOCHS = 2 ** 20;

export interface ImportOptions {
  readonly door: CollectorDoor;
  /** For errors. */
  readonly name: string;
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly onProgress?: (eventCount: number) => void;
  /** Read the file and report, without asking or telling the collector anything. */
  readonly dryRun?: boolean;
}

export interface ImportReport extends EventLineCounts {
  /** Events stored now; the rest was known. */
  readonly stored: number;
  /** Nodes of which another file had told the same stretch of time: their history stands twice now. */
  readonly toldTwice: readonly string[];
}

/**
 * @throws RetroError `too-large`; `bad-line` if no line can be read; `bad-usage` if the file speaks of a
 * node that ships its own history to this collector; else as the collector's answers
 */
export async function importJsonl(options: ImportOptions): Promise<ImportReport> {
  const { door, name } = options;
  const bytes = await readAll(options.bytes, name);
  const epoch = epochFromHash(createHash("sha256").update(bytes).digest("hex"));
  const { batches, counts } = readEventLines(linesOf(bytes), { epoch });
  if (counts.lines > 0 && counts.nodes === 0) {
    const [first] = counts.skipped;
    throw new RetroError(
      "bad-line",
      `${name}: no event line, line ${first?.line}: ${first?.reason}`,
      {
        hint: 'A line is a JSON object: {"node":"n1","t":"2026-11-21T16:00:00Z","kind":"set","log":"l","key":"k","value":1}',
      },
    );
  }
  if (options.dryRun === true) return { ...counts, stored: 0, toldTwice: [] };
  const { nodes } = await door.ask<NodesJson>("/api/nodes", {});
  refuseMixture(nodes, name, batches, epoch);
  const toldTwice = nodesToldTwice(nodes, batches, epoch);
  let stored = 0;
  let sent = 0;
  for (const body of bodiesOf(batches)) {
    const reply = await door.post(body.bytes);
    for (const ack of reply.acks) stored += ack.storedCount;
    sent += body.eventCount;
    options.onProgress?.(sent);
  }
  return { ...counts, stored, toldTwice };
}

async function readAll(chunks: AsyncIterable<Uint8Array>, name: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > MAX_FILE_BYTES) {
      throw new RetroError("too-large", `${name} is larger than ${MAX_FILE_BYTES} bytes`, {
        hint: "Split it by time; lines of a node must stay in order, and each part gets its own epoch.",
      });
    }
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

const NEWLINE = 0x0a;

/** Lines without their ends; a byte order mark is left out. */
export function* linesOf(bytes: Buffer): Generator<string> {
  let start = bytes.subarray(0, 3).equals(Buffer.from("\ufeff")) ? 3 : 0;
  while (start < bytes.length) {
    const found = bytes.indexOf(NEWLINE, start);
    const end = found < 0 ? bytes.length : found;
    yield bytes.toString("utf8", start, end);
    start = end + 1;
  }
}

/**
 * A part of a live node's past, numbered anew, beside the node's own history would make two pasts of
 * one node. A whole export carries the events' own names and does no harm.
 */
function refuseMixture(
  nodes: NodesJson["nodes"],
  name: string,
  batches: readonly Batch[],
  fileEpoch: number,
): void {
  const own = new Set(nodes.filter(({ status }) => status !== "imported").map(({ node }) => node));
  const mixed = batches.find(
    ({ header: { node, epoch } }) => own.has(node) && isOfFile(epoch, fileEpoch),
  );
  if (mixed === undefined) return;
  const { node } = mixed.header;
  throw new RetroError(
    "bad-usage",
    `${name}: node ${node} ships its own history to this collector`,
    {
      hint: "Import the file into a collector of its own: `retroscope collector --port 0 --data DIR`.",
    },
  );
}

/** Whether an epoch is one that the file's own hash gave. */
function isOfFile(epoch: number, fileEpoch: number): boolean {
  return epoch >= fileEpoch && epoch < fileEpoch + FILE_EPOCHS;
}

/** Nodes of the file's own epochs of which another import tells the same time. */
function nodesToldTwice(
  nodes: NodesJson["nodes"],
  batches: readonly Batch[],
  fileEpoch: number,
): string[] {
  const spans = new Map<string, { first: number; last: number }>();
  for (const { header } of batches) {
    const { node, epoch, firstT, lastT, lastSeq, firstSeq } = header;
    if (!isOfFile(epoch, fileEpoch) || lastSeq < firstSeq) continue;
    const { first, last } = spans.get(node) ?? { first: firstT, last: lastT };
    spans.set(node, { first: Math.min(first, firstT), last: Math.max(last, lastT) });
  }
  return nodes
    .filter(({ node, status, epochs, watermark }) => {
      const span = spans.get(node);
      if (span === undefined || status !== "imported") return false;
      return epochs.some(({ epoch, joined, end }, i) => {
        if (isOfFile(epoch, fileEpoch) || ticksOf(joined) > span.last) return false;
        return ticksOf(end ?? epochs[i + 1]?.joined ?? watermark) >= span.first;
      });
    })
    .map(({ node }) => node);
}

interface Body {
  readonly bytes: Uint8Array;
  readonly eventCount: number;
}

export function* bodiesOf(batches: Iterable<Batch>): Generator<Body> {
  let frames: Uint8Array[] = [];
  let size = 0;
  let eventCount = 0;
  const take = (): Body => {
    const body = { bytes: Buffer.concat(frames), eventCount };
    frames = [];
    size = 0;
    eventCount = 0;
    return body;
  };
  for (const batch of batches) {
    const frame = encodeBatch(batch);
    const isFull = size + frame.length > MAX_BODY_BYTES || frames.length === MAX_BODY_BATCHES;
    if (frames.length > 0 && isFull) yield take();
    frames.push(frame);
    size += frame.length;
    eventCount += batch.events.count;
  }
  if (frames.length > 0) yield take();
}
