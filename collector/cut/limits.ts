/** Every bound of the cut engine, by name, with its default. */
import { RetroError, TICKS_PER_MS } from "../../agent/kernel/index.ts";

export interface CutLimits {
  /** Silence after which a live node counts as suspect: three heartbeats of a second. */
  readonly suspectAfterMs: number;
  /**
   * A send without a known receive is in flight for so long, then taken for undelivered. Ingest keeps
   * messages apart that took longer, so it is given the same (`IngestOptions.messageTimeoutMs`).
   */
  readonly messageTimeoutMs: number;
  /** A round of checkpoints happens after max(this, variables of the epoch) changes. */
  readonly roundChanges: number;
  /** A key list is written anew after so many checkpoints that referred to it. */
  readonly keyListUses: number;
  /** Joined messages that late events made stale are joined again at most once in so long. */
  readonly rejoinPauseMs: number;
  /** Of a stretch with at most so many events no timeline tile is kept: they are counted. */
  readonly tileEvents: number;
  /** So long work behind ingest goes on before the event loop has a turn. */
  readonly behindSliceMs: number;
  /** Batches the checkpointer replays before it gives the event loop a turn. */
  readonly batchesPerTurn: number;
  /** Events in a segment, about: many variables or logs make it up to four times as long. */
  readonly segmentEvents: number;
  /** Wire bytes that a segment is sealed from, at most, unless one batch has more. */
  readonly segmentBytes: number;
  /** Memory for the states that the checkpointer keeps between calls. */
  readonly openStateBytes: number;
  /** Memory for decoded batches. */
  readonly blockCacheBytes: number;
  /** Memory for decoded key lists. */
  readonly keyListCacheBytes: number;
  /** Memory for message columns and timeline tiles, each. */
  readonly digestCacheBytes: number;
  /** Reasons, violations and messages in flight listed in a cut, of each so many. */
  readonly cutListed: number;
  /** Violations and slow messages looked at for the messages in flight at a moment, of each so many. */
  readonly messagesLooked: number;
  /** Violations looked at for the marks of a timeline; of more some of each part of the range. */
  readonly violationsDrawn: number;
  /** Findings listed by an audit of causality, of each kind so many. */
  readonly auditListed: number;
  /** Messages that an audit keeps waiting for their other half. */
  readonly auditWaiting: number;
  /** Lost ranges listed per node; the rest is summed in the last. */
  readonly lostListed: number;
  /** Steps, versions and events given at once, at most. */
  readonly pageSize: number;
  /** A page of events or versions ends where it has so many bytes, about; one event is always given. */
  readonly pageBytes: number;
  /** Places of events kept while a page of them is merged, of all epochs together (one of each at least). */
  readonly eventPlaces: number;
  /** Variables that a log of one run may have; beyond, ingest refuses batches that bring more (full-logs.ts). */
  readonly logVariables: number;
  /** Variables listed per log in the schema. */
  readonly schemaVariables: number;
  /** The longest `waitForCut`. */
  readonly waitMs: number;
  /** Questions that may wait at the same time. */
  readonly waiting: number;
  /** Questions that may be answered in turns at the same time. */
  readonly asking: number;
  /** So long a question works before the event loop has a turn. */
  readonly sliceMs: number;
  /** A timeline with at most so many events in all gives them one by one. */
  readonly exactEvents: number;
  /** Bundles of messages in a timeline, at most. */
  readonly bundles: number;
  /** Buckets in a timeline, at most. */
  readonly buckets: number;
}

export const DEFAULT_CUT_LIMITS: CutLimits = {
  suspectAfterMs: 3_000,
  messageTimeoutMs: 30_000,
  roundChanges: 1_000,
  keyListUses: 64,
  rejoinPauseMs: 5_000,
  tileEvents: 1_024,
  behindSliceMs: 5,
  batchesPerTurn: 8,
  segmentEvents: 8_192,
  segmentBytes: 2 * 1024 * 1024,
  openStateBytes: 128 * 1024 * 1024,
  blockCacheBytes: 64 * 1024 * 1024,
  keyListCacheBytes: 32 * 1024 * 1024,
  digestCacheBytes: 64 * 1024 * 1024,
  cutListed: 10_000,
  messagesLooked: 65_536,
  violationsDrawn: 5_000,
  auditListed: 1_000,
  auditWaiting: 1_000_000,
  lostListed: 64,
  pageSize: 10_000,
  pageBytes: 16 * 1024 * 1024,
  eventPlaces: 262_144,
  logVariables: 1_000_000,
  schemaVariables: 100,
  waitMs: 60_000,
  waiting: 1_000,
  asking: 256,
  sliceMs: 10,
  exactEvents: 3_000,
  bundles: 5_000,
  buckets: 4_096,
};

/** The defaults with some replaced. @throws RetroError `bad-config` unless each is over 0. */
export function cutLimits(limits: Partial<CutLimits> = {}): CutLimits {
  for (const [name, value] of Object.entries(limits)) {
    if (!(value > 0)) {
      throw new RetroError("bad-config", `${name} must be over 0, not ${value}`, {
        hint: "Leave it out to get the default.",
      });
    }
  }
  return { ...DEFAULT_CUT_LIMITS, ...limits };
}

export function ticksOfMs(ms: number): number {
  return ms * TICKS_PER_MS;
}
