/**
 * Side blocks: what travels beside events, in pieces of at most one second. They say how a node was
 * doing (load, latencies, resources), never what it did, so they have no seq, and a cut does not see them.
 *
 *     load         cells of 10 ms per operation          side-load.ts
 *     histogram    latencies of a second, hdr V2         side-histogram.ts
 *     resource     stalls, GC, waits, samples            side-resource.ts
 *
 * Identity is (node, epoch, stream, second, part). A block that comes again is the same block; parts of one
 * second are disjoint and add up, so that an urgent flush can send the second so far and the rest later.
 * Each encoding begins with a byte that says its version; bytes from outside are refused by `bad-batch`.
 */
import { badBatch, checkLimit, WIRE_LIMITS } from "./wire-limits.ts";

export type SideStream = "load" | "histogram" | "resource";

/** What travels beside events: no seq; identity is (node, epoch, stream, second, part). */
export interface SideBlock {
  readonly stream: SideStream;
  /** Of the node's raw physical clock (never the HLC), Unix seconds. */
  readonly second: number;
  /** From 0. Parts of one second are disjoint, and add up. */
  readonly part: number;
  /** As `encodeLoad`, `encodeHistograms` or `encodeResources` made them. */
  readonly bytes: Uint8Array;
}

/** Streams by their code on the wire. Codes are for good; append only. */
export const SIDE_STREAMS: readonly SideStream[] = ["load", "histogram", "resource"];

/** Slots of one second. */
export const SLOTS_PER_SECOND = 100;
/** The length of a slot of physical time, in microseconds. */
export const SLOT_US = 10_000;
/** The longest latency told apart, an hour; the shortest is 1 us. Others count as the nearer of the two. */
export const MAX_LATENCY_US = 3_600_000_000;

/** One operation in one slot of 10 ms. Whole numbers all; durations are monotonic microseconds. */
export interface LoadCell {
  readonly operation: string;
  /** 0 to 99 of the second. */
  readonly slot: number;
  /** The slot's own monotonic length: a step of the wall clock makes it shorter or longer than 10 ms. */
  readonly lengthUs: number;
  readonly arrivals: number;
  readonly completions: number;
  /** Summed over completions. */
  readonly exclusiveUs: number;
  /** Of the requests that completed here; exact. */
  readonly maxResidenceUs: number;
  /** Time integrals of three counts of requests: all, those waiting downstream, those waiting for a pool. */
  readonly inFlightUs: number;
  readonly downstreamUs: number;
  readonly poolUs: number;
  /** Residences completed here on the histogram's layout: [lowest value of the bucket in us, count], rising. */
  readonly residences: readonly (readonly [valueUs: number, count: number])[];
}

/** Latencies of one operation in one second. */
export interface LatencyHistogram {
  readonly operation: string;
  /** As the node that handled it timed it, or as the node that called saw it. */
  readonly side: "server" | "caller";
  /** Whom it called; null on the server's side. */
  readonly peer: string | null;
  /** hdr-histogram V2: 1 us to an hour, three significant digits. */
  readonly v2: Uint8Array;
}

/** How one process was doing in one second. Offsets are microseconds from the second's start. */
export interface ResourceSecond {
  /** Heartbeats of the main thread late by 10 ms or more, from when one was due; may reach past the second. */
  readonly gaps: readonly { readonly startUs: number; readonly lengthUs: number }[];
  readonly gc: readonly {
    readonly startUs: number;
    readonly lengthUs: number;
    /** `minor`, `major`, `incremental`, `weak`, or what V8 said. */
    readonly kind: string;
    /** Used heap, read when the pause was told of. */
    readonly heapBytes: number;
  }[];
  /** Samples of counters and gauges, at the times they were really taken. Names: `SIGNAL_NAMES`. */
  readonly signals: readonly {
    readonly name: string;
    readonly atUs: readonly number[];
    readonly values: readonly number[];
  }[];
  /** Signals that this host does not give: not the same as zero. */
  readonly unavailable: readonly string[];
  /** Pool and lock waits that ended in this second. */
  readonly waits: readonly {
    readonly name: string;
    readonly kind: "pool" | "lock";
    readonly startUs: number;
    readonly lengthUs: number;
    /** The service that the pool leads to; null: none, or not known. */
    readonly downstream: string | null;
  }[];
}

/**
 * The signals of `ResourceSecond.signals`. Counters grow from the process's, or the host's, start:
 * only differences mean something. An unknown name is carried, so that agents may be newer.
 *
 *     run, run-queue                       main thread: on a CPU, runnable and waiting for one; us, counters
 *     state                                main thread: its letter in /proc (R, S, D, T ...) as a character code
 *     psi-cpu, psi-io, psi-memory          some task waited; us, counters of the host
 *     cgroup-throttled                     held back by a quota; us, counter
 *     libuv-probe                          a trivial job on the thread pool took so long; us
 *     io-read, io-write                    of this process, to and from disks; bytes, counters
 *     disk                                 disks of the host busy; ms, counter over all
 *     retransmits, listen-drops            of the host's TCP; segments, connections; counters
 *     dirty                                pages of the host to be written; bytes
 *     oldest-open, in-flight               age of the oldest open request, us; open requests
 *     heartbeat                            age of the main thread's last sign of life, us
 */
export const SIGNAL_NAMES: readonly string[] = [
  "run",
  "run-queue",
  "state",
  "psi-cpu",
  "psi-io",
  "psi-memory",
  "cgroup-throttled",
  "libuv-probe",
  "io-read",
  "io-write",
  "disk",
  "retransmits",
  "listen-drops",
  "dirty",
  "oldest-open",
  "in-flight",
  "heartbeat",
];

/**
 * The lowest value of the histogram bucket that holds `us`: the number with its top 11 bits kept, as
 * hdr-histogram with three significant digits lays them out. What is out of range counts as the nearest in it.
 * @example
 * latencyBucketUs(2_047); // 2047
 * latencyBucketUs(2_049); // 2048
 */
export function latencyBucketUs(us: number): number {
  // NaN fails the comparison, and becomes the shortest.
  const clamped = us >= 1 ? Math.min(Math.floor(us), MAX_LATENCY_US) : 1;
  const shift = 21 - Math.clz32(clamped);
  return shift <= 0 ? clamped : ((clamped >>> shift) << shift) >>> 0;
}

/**
 * What must hold of every block, written or read.
 * @throws RetroError `bad-batch`, `too-large`
 */
export function checkSideBlock({ second, part, bytes }: SideBlock): void {
  if (!Number.isSafeInteger(second) || second < 0) badBatch("a side block of no second");
  if (!Number.isSafeInteger(part) || part < 0) badBatch("a side block that is no part");
  checkLimit("parts of a second", part, WIRE_LIMITS.sideParts);
  if (bytes.length === 0) badBatch("an empty side block");
  checkLimit("bytes of a side block", bytes.length, WIRE_LIMITS.sideBlockBytes);
}
