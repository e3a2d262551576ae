/**
 * Event lines: history as one JSON object a line, for other languages, tests and archives. The format
 * is told in collector/interop/README.md. Read here; written by event-line-write.ts.
 *
 *     lines --parse--> runs (node, epoch)     time order checked, seqs given
 *           --join---> receives know their sends
 *           --order--> stamps bumped where the file leaves the order to us
 *           --cut----> batches, `imported`, ready for encodeBatch
 *
 * - Without `epoch` the lines of a node are runs of the file's own epoch, and a further `join` opens
 *   the next; without `seq` they count from 1, a join of ours first if the file has none. Explicit
 *   seqs are kept: holes stay holes, repeats are left out.
 * - A line that cannot be read is reported by number and reason. Where it says at least which node
 *   and when, its event is also declared lost, so that no cut over it is called complete.
 * - Every node is closed at the file's last time, unless the file has `closed` lines of its own: then
 *   at the last of those, or at its last event.
 */
import type { Batch } from "./batch.ts";
import { type EventRef, messageId } from "./event.ts";
import { batchesOf, type Run, type RunEntry } from "./event-line-batches.ts";
import { type LineContent, type ParsedLine, parseEventLine } from "./event-line-parse.ts";
import { compareStamps, orderStamps } from "./event-line-stamps.ts";
import type { Hlc } from "./hlc.ts";

/** Skipped lines named one by one; the rest are counted. */
export const MAX_SKIPPED_NAMED = 1_000;

export interface SkippedLine {
  /** From 1. */
  readonly line: number;
  readonly reason: string;
}

export interface EventLineCounts {
  /** Lines that are not empty. */
  readonly lines: number;
  /** Events in the batches, joins of ours included. */
  readonly events: number;
  /** The first of the lines that could not be read. */
  readonly skipped: readonly SkippedLine[];
  readonly skippedCount: number;
  /** Lines whose seq was there already. */
  readonly repeats: number;
  readonly nodes: number;
  /** Receives whose send is in the file. */
  readonly messages: number;
  /** Stamps raised to make an order strict. */
  readonly bumped: number;
}

export interface EventLinesRead {
  /** Run by run, each in seq order. */
  readonly batches: readonly Batch[];
  readonly counts: EventLineCounts;
}

export interface ReadEventLinesOptions {
  /** The epoch of lines that have none: `epochFromHash` of the file. */
  readonly epoch: number;
}

/**
 * An epoch from a file's hash (at least 10 hex digits): the same file, the same epoch; another file,
 * another. It has 37 bits and so lies below every epoch that an agent makes, which are milliseconds
 * since 2020: a node that is alive is never outranked by a file about its past.
 */
export function epochFromHash(hashHex: string): number {
  return Number.parseInt(hashHex.slice(0, 10), 16) % 2 ** 37;
}

/** Reads all lines. Never throws for what a line says. */
export function readEventLines(
  lines: Iterable<string>,
  options: ReadEventLinesOptions,
): EventLinesRead {
  const file = new FileOfLines(options.epoch);
  let number = 0;
  for (const text of lines) {
    number += 1;
    if (text.trim() !== "") file.add(number, text);
  }
  return file.finish();
}

interface OpenRun extends Run {
  readonly entries: MutableEntry[];
  nextSeq: number;
  closedBy: Hlc | undefined;
}

type MutableEntry = { -readonly [field in keyof RunEntry]: RunEntry[field] };

class FileOfLines {
  readonly #fileEpoch: number;
  readonly #runs = new Map<string, Map<number, OpenRun>>();
  /** How many runs of its own epochs the file has opened, by node. */
  readonly #opened = new Map<string, number>();
  readonly #skipped: SkippedLine[] = [];
  #lineCount = 0;
  #skippedCount = 0;
  #repeats = 0;
  #hasClosed = false;
  #lastT: number = Number.NEGATIVE_INFINITY;

  constructor(fileEpoch: number) {
    this.#fileEpoch = fileEpoch;
  }

  add(number: number, text: string): void {
    this.#lineCount += 1;
    const parsed = parseEventLine(text);
    if ("content" in parsed) this.#place(number, text.length, parsed);
    else this.#skip(number, parsed.reason);
  }

  #skip(line: number, reason: string): void {
    this.#skippedCount += 1;
    if (this.#skipped.length < MAX_SKIPPED_NAMED) this.#skipped.push({ line, reason });
  }

  #place(number: number, size: number, parsed: ParsedLine): void {
    const run = this.#runOf(parsed);
    if (parsed.service !== undefined && run.service === run.node) run.service = parsed.service;
    const seq = parsed.seq ?? run.nextSeq;
    if (seq < run.nextSeq) {
      this.#repeats += 1;
      return;
    }
    let { content, stamp } = parsed;
    const seqAfter = seq + (content.kind === "lost" ? content.events : 1);
    if (seqAfter > Number.MAX_SAFE_INTEGER) {
      this.#skip(number, "its seqs go beyond 2^53");
      return;
    }
    const before = run.entries.at(-1);
    const falls = before !== undefined && compareStamps(stamp, before.stamp) < 0;
    if (falls) {
      this.#skip(number, "its time is before that of the node's line before");
      if (content.kind === "closed") return;
      content = lostAt(parsed);
      stamp = before.stamp;
    } else if (parsed.reason !== undefined) {
      this.#skip(number, parsed.reason);
    }
    this.#lastT = Math.max(this.#lastT, stamp.t);
    if (content.kind === "closed") {
      this.#hasClosed = true;
      run.closedBy = stamp.t;
      return;
    }
    run.nextSeq = seqAfter;
    run.entries.push({ content, seq, stamp, t: stamp.t, size, send: undefined });
  }

  #runOf(parsed: ParsedLine): OpenRun {
    const { node, content } = parsed;
    const isJoin = content.kind === "body" && content.body.kind === "join";
    let opened = this.#opened.get(node) ?? 0;
    if (parsed.epoch === undefined && (opened === 0 || isJoin)) {
      opened += 1;
      this.#opened.set(node, opened);
    }
    const epoch = parsed.epoch ?? this.#fileEpoch + opened - 1;
    let epochs = this.#runs.get(node);
    if (epochs === undefined) {
      epochs = new Map();
      this.#runs.set(node, epochs);
    }
    let run = epochs.get(epoch);
    if (run === undefined) {
      const service = parsed.service ?? node;
      const closed = Number.NEGATIVE_INFINITY as Hlc;
      run = { node, epoch, service, entries: [], closed, nextSeq: 1, closedBy: undefined };
      epochs.set(epoch, run);
      if (parsed.epoch === undefined && parsed.seq === undefined && !isJoin) addJoin(run, parsed);
    }
    return run;
  }

  finish(): EventLinesRead {
    const runs = [...this.#runs.values()].flatMap((epochs) => [...epochs.values()]);
    const messages = joinMessages(runs);
    const bumped = orderStamps(runs.map((run) => run.entries));
    for (const run of runs) for (const { t } of run.entries) this.#lastT = Math.max(this.#lastT, t);
    for (const epochs of this.#runs.values()) this.#close([...epochs.values()]);
    const batches = runs.flatMap((run) => [...batchesOf(run)]);
    return {
      batches,
      counts: {
        lines: this.#lineCount,
        events: batches.reduce((sum, batch) => sum + batch.events.count, 0),
        skipped: this.#skipped,
        skippedCount: this.#skippedCount,
        repeats: this.#repeats,
        nodes: this.#runs.size,
        messages,
        bumped,
      },
    };
  }

  /** Only the last run of a node reaches to the end of the file: the others ended before. */
  #close(runs: OpenRun[]): void {
    runs.sort((a, b) => a.epoch - b.epoch);
    for (const run of runs) {
      const own = Math.max(run.entries.at(-1)?.t ?? this.#lastT, run.closedBy ?? this.#lastT);
      const lastEvent = run.entries.at(-1)?.t ?? (run.closedBy as Hlc);
      if (this.#hasClosed) run.closed = Math.max(lastEvent, run.closedBy ?? lastEvent) as Hlc;
      else run.closed = (run === runs.at(-1) ? own : lastEvent) as Hlc;
    }
  }
}

/** A line out of order stands for an event that was there, at its own time, and cannot be placed. */
function lostAt({ content, stamp }: ParsedLine): LineContent {
  if (content.kind === "lost") return { ...content, from: content.from ?? stamp };
  const logs = content.kind === "change" ? [content.log] : null;
  const messages = content.kind === "send" || content.kind === "receive";
  return { kind: "lost", events: 1, from: stamp, logs, messages, reason: "refused" };
}

function addJoin(run: OpenRun, { stamp }: ParsedLine): void {
  const body = { kind: "join", service: run.service, tags: {}, instance: "import" } as const;
  const content: LineContent = { kind: "body", body };
  run.entries.push({ content, seq: 1, stamp, t: stamp.t, size: 64, send: undefined });
  run.nextSeq = 2;
}

interface SendPlace {
  readonly ref: EventRef;
  readonly entry: MutableEntry;
}

/** Gives every receive its send by id, where the file has it. Returns how many were joined. */
function joinMessages(runs: readonly OpenRun[]): number {
  const sends = new Map<string, SendPlace[]>();
  const remember = (id: string, place: SendPlace): void => {
    const places = sends.get(id);
    if (places) places.push(place);
    else sends.set(id, [place]);
  };
  for (const { node, epoch, entries } of runs) {
    for (const entry of entries) {
      if (entry.content.kind !== "send") continue;
      const place = { ref: { node, epoch, seq: entry.seq }, entry };
      const own = messageId(place.ref);
      const { body } = entry.content;
      remember(own, place);
      if (body.id === own) entry.content = { kind: "send", body: { ...body, id: null } };
      else if (body.id !== null) remember(body.id, place);
    }
  }
  let joined = 0;
  for (const { entries } of runs) {
    for (const entry of entries) if (joinReceive(entry, sends)) joined += 1;
  }
  return joined;
}

function joinReceive(entry: MutableEntry, sends: ReadonlyMap<string, SendPlace[]>): boolean {
  const { content } = entry;
  if (content.kind !== "receive") return false;
  const { body, from, send } = content;
  const sendId = send ?? body.id;
  const places = (sendId === null ? undefined : sends.get(sendId)) ?? [];
  const fitting = places.filter(({ ref }) => from === null || ref.node === from);
  // An id used again: the latest send that was not after the receive.
  const place =
    fitting.findLast((one) => compareStamps(one.entry.stamp, entry.stamp) <= 0) ?? fitting[0];
  const ref = place?.ref ?? refOf(send, from) ?? refOf(body.id, from);
  if (ref === undefined) {
    // Who sent it is known, which of its sends is not.
    entry.content = { ...content, body: { ...body, peer: body.peer ?? from } };
    return false;
  }
  const id = body.id === messageId(ref) ? null : body.id;
  entry.content = { ...content, body: { ...body, from: ref, id } };
  if (place === undefined) return false;
  entry.send = place.entry;
  return true;
}

/** The event that an id of ours names, if it is one: `node/epoch/seq` of the node that sent it. */
function refOf(id: string | null, from: string | null): EventRef | undefined {
  const match = /^(.+)\/(\d{1,16})\/(\d{1,16})$/s.exec(id ?? "");
  if (match === null || match[1] !== from) return undefined;
  const [epoch, seq] = [Number(match[2]), Number(match[3])];
  const isRef = Number.isSafeInteger(epoch) && Number.isSafeInteger(seq) && seq >= 1;
  return isRef ? { node: match[1] as string, epoch, seq } : undefined;
}
