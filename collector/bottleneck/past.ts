/** Recordings and answers about a stretch of the past, read through the history port. */
import { addMs, type EventRef, type Hlc, ticksFromUnixMs } from "../../agent/kernel/index.ts";
import type { History, Selection } from "../cut/history.ts";
import { type Diagnosis, diagnose } from "./diagnose.ts";
import { RecordingBook } from "./recording-book.ts";
import { type BottleneckSettings, DEFAULT_BOTTLENECK_SETTINGS } from "./settings.ts";

/** Events read of one question, at most: some ten minutes of a system with a thousand requests a second. */
export const MAX_EVENTS_READ = 2_000_000;
const PAGE = 10_000;
/** Requests are told of when they depart, and clocks differ: so much is read around a stretch. */
const AROUND_MS = 3_000;

export interface PastOptions {
  readonly from: Hlc;
  readonly to: Hlc;
  readonly settings?: Partial<BottleneckSettings>;
  readonly maxEvents?: number;
}

export interface PastDiagnosis extends Diagnosis {
  /** Whether more requests lie in the stretch than were read: tiers are told by load alone after that. */
  readonly isCutShort: boolean;
}

type PastHistory = Pick<History, "side" | "events">;

/** The episodes that begin in [from, to); reads one baseline before. Costs what the stretch holds. */
export async function diagnosePast(
  history: PastHistory,
  { from, to, settings, maxEvents = MAX_EVENTS_READ }: PastOptions,
  signal?: AbortSignal,
): Promise<PastDiagnosis> {
  const { baselineMs } = { ...DEFAULT_BOTTLENECK_SETTINGS, ...settings };
  const book = new RecordingBook();
  const range = { from: addMs(from, -baselineMs - AROUND_MS), to: addMs(to, AROUND_MS) };
  await readSide(history, book, range, {}, signal);
  const isCutShort = await readRequests(history, book, range, maxEvents, signal);
  const known = book.knownUntil();
  const diagnosis = diagnose(book.recordings(), {
    fromUs: usOf(from),
    untilUs: usOf(to),
    ...(known === undefined ? {} : { knownUntilUs: known.mostUs + KNOWN_AFTER_US }),
    ...(settings === undefined ? {} : { settings }),
  });
  return { ...diagnosis, isCutShort };
}

/** Of the past nothing more comes: what ended before the last load that is known is over. */
const KNOWN_AFTER_US = 2_000_000;

async function readSide(
  history: PastHistory,
  book: RecordingBook,
  { from, to }: { readonly from: Hlc; readonly to: Hlc },
  selection: Selection,
  signal: AbortSignal | undefined,
): Promise<void> {
  const sides = await history.side(
    {
      fromSecond: Math.max(0, Math.floor(usOf(from) / 1e6)),
      untilSecond: Math.max(0, Math.ceil(usOf(to) / 1e6) + 1),
      selection,
      streams: ["load", "resource"],
    },
    signal,
  );
  for (const { node, service, epoch, blocks } of sides) {
    for (const block of blocks) book.addBlock(node, service, epoch, block);
  }
}

/** Whether there were more than `most`. */
async function readRequests(
  history: PastHistory,
  book: RecordingBook,
  { from, to }: { readonly from: Hlc; readonly to: Hlc },
  most: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  let after: (EventRef & { readonly t: Hlc }) | undefined;
  for (let read = 0; read < most; ) {
    const page = await history.events(
      { from, to, kinds: ["request", "receive"], limit: PAGE, ...(after && { after }) },
      signal,
    );
    for (const one of page.events) book.addEvent(one);
    read += page.events.length;
    const last = page.events.at(-1);
    if (!page.more || last === undefined) return false;
    const { node, epoch, event } = last;
    after = { node, epoch, seq: event.seq, t: event.t };
  }
  return true;
}

/** A stamp as Unix microseconds. */
export function usOf(t: Hlc): number {
  return Math.round((t - ticksFromUnixMs(0)) / TICKS_PER_US);
}

/** Unix microseconds as a stamp, rounded down. */
export function hlcOfUs(us: number): Hlc {
  return addMs(ticksFromUnixMs(0), us / 1_000);
}

const TICKS_PER_US = 4.096;
