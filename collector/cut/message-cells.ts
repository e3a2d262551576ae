/**
 * Joined messages as they are kept in the store: by when they were sent, and how long they were on their
 * way, so that a moment finds those in flight without looking at the others.
 *
 *     level 0    | | | | | | | | | | | | | | | |     messages that took up to 64 ms: cells of 64 ms
 *     level 1    |       |       |       |           up to 512 ms: cells of 512 ms
 *     level 2    |                                   up to 4 s ...
 *                          T                         in flight at T: in the cell of T or the one before it
 *
 * So of each level two cells are read, and of the messages in them about one in sixteen is in flight at
 * T, however many others there are. A cell lies in one stretch of time, which is joined, kept and dropped
 * as one (`HistoryStore.writeMessages`); it is as long as the longest cell, and at least a time-out.
 */
import {
  ByteReader,
  ByteWriter,
  type Hlc,
  RetroError,
  unzigzag,
  zigzag,
} from "../../agent/kernel/index.ts";
import type { MessageCell } from "../store/history-store.ts";
import type { OpenArrival, OpenSend } from "./message-window.ts";
import type { Work } from "./turns.ts";

const VERSION = 1;
const SHORTEST_LOG2 = 18;
const LEVEL_LOG2 = 3;
/** Ticks whose sends are put into cells at a time: some 4 s. */
const PART = 2 ** 24;
/** Times this far apart, and lengths, are written as varints; others are not kept. */
const FARTHEST = 2 ** 50;
const MAX_NAME = 1 << 20;

/** How time is divided for a time-out. */
export interface CellPlan {
  readonly timeout: number;
  /** Ticks of a stretch: a power of two, the time-out or more. */
  readonly stretch: number;
  /** Ticks of a cell, by level. */
  readonly widths: readonly number[];
}

/** A send with its end: what one of a window's rows comes to. */
export interface SendSpan extends OpenSend {
  /** When it is in flight no longer; later than `sentAt`, by a time-out at most. */
  readonly end: number;
}

export function cellPlan(timeout: number): CellPlan {
  const stretch = 2 ** Math.ceil(Math.log2(timeout));
  const widths: number[] = [];
  for (let log2 = SHORTEST_LOG2; 2 ** log2 < stretch; log2 += LEVEL_LOG2) widths.push(2 ** log2);
  return { timeout, stretch, widths: [...widths, stretch] };
}

/** The beginning of the stretch that holds `t`. */
export function stretchOf({ stretch }: CellPlan, t: number): Hlc {
  return (Math.floor(t / stretch) * stretch) as Hlc;
}

/** Events later than this change nothing of the stretch that begins at `from`. */
export function stretchUntil({ stretch, timeout }: CellPlan, from: number): Hlc {
  return (from + stretch - 1 + timeout) as Hlc;
}

/** Sends looked at without a pause. */
const SENDS_PER_STEP = 256;

interface OpenCell {
  readonly level: number;
  readonly index: number;
  readonly sends: SendSpan[];
}

/**
 * The sends of the stretch that begins at `from` in their cells; undefined if one cannot be written.
 * `spans` gives those sent between two times, both included: asked for a part at a time, so that not all
 * of them are in memory at once.
 */
export function* cellsOf(
  plan: CellPlan,
  from: number,
  spans: (from: number, to: number) => Iterable<SendSpan>,
): Work<MessageCell[] | undefined> {
  const { widths, stretch } = plan;
  const part = Math.min(stretch, PART);
  const open = new Map<string, OpenCell>();
  const found: MessageCell[] = [];
  for (let start = from; start < from + stretch; start += part) {
    let count = 0;
    for (const send of spans(start, start + part - 1)) {
      addTo(open, plan, send);
      count += 1;
      if (count % SENDS_PER_STEP === 0) yield;
    }
    for (const [key, { level, index, sends }] of open) {
      const width = widths[level] as number;
      if ((index + 1) * width > start + part) continue;
      const bytes = encodeCell(sends, index * width);
      if (bytes === undefined) return undefined;
      found.push({ level, index, bytes });
      open.delete(key);
      yield;
    }
  }
  return found;
}

function addTo(open: Map<string, OpenCell>, { widths }: CellPlan, send: SendSpan): void {
  const level = widths.findIndex((width) => send.end - send.sentAt <= width);
  const index = Math.floor(send.sentAt / (widths[level] as number));
  const key = `${level}/${index}`;
  const cell = open.get(key);
  if (cell === undefined) open.set(key, { level, index, sends: [send] });
  else cell.sends.push(send);
}

const writer = new ByteWriter();

function encodeCell(sends: readonly SendSpan[], start: number): Uint8Array | undefined {
  const texts = new Texts();
  const rows: number[] = [];
  for (const { node, epoch, seq, sentAt, id, to, peer, arrivals, end } of sends) {
    rows.push(texts.numberOf(node), epoch, seq, sentAt - start, end - sentAt);
    rows.push(texts.numberOf(id), texts.numberOf(to), texts.numberOf(peer), arrivals.length);
    for (const { t, receiver, group } of arrivals) {
      if (Math.abs(t - sentAt) > FARTHEST) return undefined;
      rows.push(zigzag(t - sentAt), texts.numberOf(receiver), texts.numberOf(group ?? null));
    }
  }
  if (rows.some((value) => !(value >= 0 && value <= 2 * FARTHEST))) return undefined;
  writer.clear();
  writer.byte(VERSION);
  writer.varint(texts.all.length);
  for (const text of texts.all) writer.lengthAndText(text);
  writer.varint(sends.length);
  writer.varint(rows.length);
  writer.varints(rows, rows.length);
  return writer.bytes.slice(0, writer.pos);
}

/** Numbers for texts from 1 on; 0 is null. */
class Texts {
  readonly all: string[] = [];
  readonly #numbers = new Map<string, number>();

  numberOf(text: string | null): number {
    if (text === null) return 0;
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.all.push(text);
    this.#numbers.set(text, this.all.length);
    return this.all.length;
  }
}

/**
 * The sends of a cell that begins at `start`.
 * @throws RetroError `data-damaged`, `bad-batch` where the bytes cannot be read
 */
export function decodeCell(bytes: Uint8Array, start: number): SendSpan[] {
  const reader = new ByteReader(bytes);
  if (reader.byte() !== VERSION) throw damaged("another version");
  const texts: (string | null)[] = [null];
  const textCount = reader.varint();
  reader.need(textCount);
  for (let i = 0; i < textCount; i += 1) texts.push(reader.lengthAndText("a name", MAX_NAME));
  const sendCount = reader.varint();
  const rowCount = reader.varint();
  reader.need(rowCount);
  const rows = reader.column(rowCount);
  let at = 0;
  const next = (): number => {
    if (at >= rowCount) throw damaged("it breaks off");
    at += 1;
    return rows[at - 1] as number;
  };
  const text = (): string | null => {
    const found = texts[next()];
    if (found === undefined) throw damaged("a name is missing");
    return found;
  };
  const name = (): string => text() ?? "";
  const sends: SendSpan[] = [];
  for (let i = 0; i < sendCount; i += 1) {
    const node = name();
    const epoch = next();
    const seq = next();
    const sentAt = (start + next()) as Hlc;
    const end = sentAt + next();
    const [id, to, peer] = [text(), text(), text()];
    const arrivals: OpenArrival[] = [];
    for (let left = next(); left > 0; left -= 1) {
      const t = (sentAt + unzigzag(next())) as Hlc;
      arrivals.push({ t, receiver: name(), group: text() ?? undefined });
    }
    sends.push({ node, epoch, seq, sentAt, end, id, to, peer, arrivals });
  }
  return sends;
}

function damaged(why: string): RetroError {
  return new RetroError("data-damaged", `joined messages cannot be read: ${why}`);
}
