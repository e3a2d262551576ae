/** Recordings and answers about a stretch of the past, read through the history port. */
import { addMs, type EventRef, type Hlc } from "../../agent/kernel/index.ts";
import type { History, Selection } from "../cut/history.ts";
import type { Work } from "../cut/turns.ts";
import { type Diagnosis, type DiagnosisOptions, diagnosing } from "./diagnose.ts";
import type { Episode } from "./episode-shape.ts";
import { MAX_REQUESTS, RecordingBook } from "./recording-book.ts";
import { type BottleneckSettings, DEFAULT_BOTTLENECK_SETTINGS } from "./settings.ts";
import { usOf } from "./unix-us.ts";

/** Events read of one question, at most: some ten minutes of a system with a thousand requests a second. */
export const MAX_EVENTS_READ = 2_000_000;
const PAGE = 10_000;
/** Requests are told of when they depart, and clocks differ: so much is read around a stretch. */
const AROUND_MS = 3_000;

export interface PastOptions {
  readonly from: Hlc;
  readonly to: Hlc;
  readonly settings?: Partial<BottleneckSettings>;
  /**
   * The collector's clock: what ended a moment ago is open until every node has told of the time after it, as another
   * may be to blame that was held itself. Default: long after all of it.
   */
  readonly now?: Hlc;
  readonly maxEvents?: number;
  /** Of the range, so much is looked at before what is old is let go. Default: 30 s. */
  readonly pieceMs?: number;
}

export interface PastDiagnosis extends Diagnosis {
  /** Whether more requests lie in the stretch than were read: tiers are told by load alone after that. */
  readonly isCutShort: boolean;
  /** Whether any node told of its load: else nothing could be found. */
  readonly isWatched: boolean;
}

type PastHistory = Pick<History, "side" | "events" | "inTurns">;

/**
 * The episodes that begin in [from, to); reads one baseline before. In pieces of 30 s, so that memory holds some 100 s
 * of history whatever is asked for, and each in turns with all other questions.
 *
 *     piece          |<- read before ->|<--- 30 s --->|           told: what begins before all is settled
 *     next piece                 |<- read before ->|<--- 30 s --->|         the rest is looked at again here
 *
 * Costs some milliseconds of the thread for each second and node.
 * @throws RetroError as `History.events` does; `cancelled` once `signal` aborts
 */
export async function diagnosePast(
  history: PastHistory,
  { from, to, settings, now, maxEvents = MAX_EVENTS_READ, pieceMs = PIECE_MS }: PastOptions,
  signal?: AbortSignal,
): Promise<PastDiagnosis> {
  const { baselineMs } = { ...DEFAULT_BOTTLENECK_SETTINGS, ...settings };
  const book = new RecordingBook();
  const told = new Map<string, Episode>();
  let readTo = addMs(from, -baselineMs - AROUND_MS);
  let readCount = 0;
  let isCutShort = false;
  let isWatched = false;
  let settledUs = usOf(from);
  const nowUs = now === undefined ? Number.POSITIVE_INFINITY : usOf(now);
  for (let end = from; end < to; ) {
    end = Math.min(to, addMs(end, pieceMs)) as Hlc;
    const isLast = end === to;
    const range = { from: readTo, to: addMs(end, AROUND_MS) };
    await readSide(history, book, range, {}, signal);
    if (!isCutShort) {
      const most = Math.min(maxEvents - readCount, MAX_REQUESTS - book.requestCount);
      const read = await readRequests(history, book, range, most, signal);
      readCount += read.count;
      isCutShort = read.isCutShort;
    }
    isWatched ||= book.knownUntil() !== undefined;
    readTo = (range.to + 1) as Hlc;
    const isPast = !isLast && usOf(end) < nowUs - ENDED_US;
    const knownUntilUs = isPast ? usOf(end) : knownOf(book, nowUs);
    const look: Diagnosis = await history.inTurns(
      lookAt(book, {
        ...{ fromUs: settledUs, untilUs: usOf(end) },
        ...(knownUntilUs === undefined ? {} : { knownUntilUs }),
        ...(settings === undefined ? {} : { settings }),
      }),
      signal,
    );
    for (const episode of isLast ? look.episodes : look.settled) told.set(episode.id, episode);
    settledUs = look.settledUs;
    book.dropBefore(settledUs - (baselineMs + KEPT_MS) * 1_000);
  }
  const episodes = [...told.values()].sort(
    (a, b) => a.onsetUs - b.onsetUs || (a.id < b.id ? -1 : 1),
  );
  return { episodes, settled: episodes, settledUs, isCutShort, isWatched };
}

/** What a book says of a stretch, in steps. */
export function* lookAt(book: RecordingBook, options: DiagnosisOptions): Work<Diagnosis> {
  return yield* diagnosing(yield* book.assembling(), options);
}

const PIECE_MS = 30_000;
/** Time that is kept before what is settled, beside the baseline: clocks differ, and load rises before a flag. */
const KEPT_MS = 10_000;

/** Of nodes that have said nothing for so long nothing more comes: what ended before is over. */
const ENDED_US = 5_000_000;
const KNOWN_AFTER_US = 2_000_000;
/** A node so far behind the others is not waited for. */
export const BEHIND_US = 3_000_000;

function knownOf(book: RecordingBook, nowUs: number): number | undefined {
  const known = book.knownUntil();
  if (known === undefined) return undefined;
  const { leastUs, mostUs } = known;
  if (nowUs - mostUs > ENDED_US) return mostUs + KNOWN_AFTER_US;
  return mostUs - leastUs > BEHIND_US ? mostUs : leastUs;
}

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

/** At most about `most`; says whether there were more. */
async function readRequests(
  history: PastHistory,
  book: RecordingBook,
  { from, to }: { readonly from: Hlc; readonly to: Hlc },
  most: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly count: number; readonly isCutShort: boolean }> {
  let after: (EventRef & { readonly t: Hlc }) | undefined;
  let count = 0;
  while (count < most) {
    const page = await history.events(
      { from, to, kinds: ["request", "receive"], limit: PAGE, ...(after && { after }) },
      signal,
    );
    for (const one of page.events) book.addEvent(one);
    count += page.events.length;
    const last = page.events.at(-1);
    if (!page.more || last === undefined) return { count, isCutShort: false };
    const { node, epoch, event } = last;
    after = { node, epoch, seq: event.seq, t: event.t };
  }
  return { count, isCutShort: true };
}
