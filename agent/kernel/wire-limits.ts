/**
 * What a batch may hold. The decoder checks each before it allocates; the encoder checks the same
 * ones, so that what is written can be read. Agents keep below them by their own, smaller limits.
 */
import { RetroError } from "./errors.ts";

/** Sizes in bytes are of UTF-8 or encoded bytes. */
export const WIRE_LIMITS: {
  readonly frameBytes: number;
  readonly framesPerBody: number;
  readonly events: number;
  readonly strings: number;
  readonly stringBytes: number;
  readonly nameBytes: number;
  readonly nodeBytes: number;
  readonly valueBytes: number;
  readonly valueDepth: number;
  readonly setMembers: number;
  readonly statusBytes: number;
  readonly lostRanges: number;
  readonly lostLogs: number;
  readonly callsPerRequest: number;
  readonly tags: number;
  readonly sideBlocks: number;
  readonly sideBlockBytes: number;
  readonly sideParts: number;
  readonly sideNames: number;
  readonly loadCells: number;
  readonly histograms: number;
  readonly resourceRows: number;
  readonly signalSamples: number;
} = Object.freeze({
  /** One batch, checksum included. */
  frameBytes: 4 * 1024 * 1024,
  /** Batches in one request body. */
  framesPerBody: 1_024,
  events: 65_536,
  /** Entries of the string table. */
  strings: 262_144,
  /** A string value, a mark's text. */
  stringBytes: 32 * 1024,
  /** Logs, keys, services, channels, peers, operations, outcomes, foreign ids, tags. */
  nameBytes: 256,
  nodeBytes: 256,
  /**
   * One JSON value as encoded. Agents cut values at 8 KiB of JSON text; a double takes 9 bytes here
   * where its text may take 4, so that text never needs more than this.
   */
  valueBytes: 32 * 1024,
  /** Arrays and objects inside each other. A set around them does not count. */
  valueDepth: 16,
  setMembers: 65_536,
  statusBytes: 64 * 1024,
  lostRanges: 4_096,
  lostLogs: 1_024,
  callsPerRequest: 1_024,
  tags: 64,
  /** Of one batch. */
  sideBlocks: 1_024,
  sideBlockBytes: 1024 * 1024,
  /** The highest part of a second. */
  sideParts: 65_535,
  /** Operations, signals, pools of one side block. */
  sideNames: 1_024,
  loadCells: 16_384,
  histograms: 1_024,
  /** Gaps, GC pauses, waits of one second: each. */
  resourceRows: 16_384,
  /** Of one signal in one second. */
  signalSamples: 4_096,
});

const BAD_HINT =
  "The bytes are not a batch as this version writes it: damaged on the way, or a bug of the sender. " +
  "Do not send them again.";

/** Refuses bytes that are not a batch. */
export function badBatch(what: string): never {
  throw new RetroError("bad-batch", `not a valid batch: ${what}`, { hint: BAD_HINT });
}

/** Refuses what is over a limit. */
export function tooLarge(what: string, size: number, limit: number): never {
  throw new RetroError("too-large", `${what}: ${size} is more than ${limit}`, {
    hint: "Send less in one batch: fewer events, shorter names, smaller values.",
  });
}

/** Throws `too-large` if `size` is over `limit`. */
export function checkLimit(what: string, size: number, limit: number): void {
  if (size > limit) tooLarge(what, size, limit);
}
