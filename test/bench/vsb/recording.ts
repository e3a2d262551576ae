/**
 * A recording: all that one run showed, as every detector here sees it, ours and the baselines alike.
 *
 * Times are Unix milliseconds with fractions, of the machine's true clock: processes note CLOCK_MONOTONIC,
 * which is one clock for all processes of a machine, and one offset for the run makes Unix time of it. So
 * neither the truth nor a client's latency depends on the clocks of our agents, which may be skewed.
 *
 *     injector  ----------[ start ======== end ]-------------    truths: of the injectors' own logs
 *     client    --intended----sent--------------done---------    latency counts from intended
 *     tier      ---------------arrived------departed---------    of the tier's own few lines, not our agent's
 *     machine   ---|---|---|---|---|---|---|---|---|---|-----    /proc, 20 ms, from a process beside the tiers
 *     ours      ---------------[ onset ... end ]-------------    GET /api/bottlenecks, and /api/live as it came
 */
import type { FaultKind, FaultName, Place, Tier } from "./faults.ts";
import type { Section, SizeName } from "./plan.ts";

export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** One fault that struck one place; a compound has two. */
export interface TruthPart extends Span {
  readonly fault: FaultName;
  readonly tier: Tier;
  /** Answers that are right. */
  readonly tiers: readonly Place[];
  readonly causes: readonly string[];
  /** What the injector says besides: `gcMs` of V8's trace, `cpuMs`, ... */
  readonly detail: Readonly<Record<string, number>>;
}

/** What was done to the system, by the word of who did it. */
export interface Injection extends Span {
  readonly id: number;
  readonly fault: FaultName;
  readonly kind: FaultKind;
  /** The duration asked for, by which injections are grouped; `endMs - startMs` is what it was. */
  readonly nominalMs: number;
  readonly parts: readonly TruthPart[];
}

/** Requests as the load generator saw them, in columns, by intended start. */
export interface ClientLog {
  readonly intendedMs: Float64Array;
  readonly sentMs: Float64Array;
  /** NaN: never answered. */
  readonly doneMs: Float64Array;
  /** 1: answered with 200. */
  readonly ok: Float64Array;
  /** Index into ROUTES (arrivals.ts). */
  readonly route: Float64Array;
}

/** Requests as one tier's own handler saw them, by departure. */
export interface TierLog {
  readonly arrivedMs: Float64Array;
  readonly departedMs: Float64Array;
}

/** A tier's process as /proc showed it; counters grow from the process's start. */
export interface HostLog {
  readonly atMs: Float64Array;
  /** Its main thread: time on a processor, and time ready but waiting for one. */
  readonly runMs: Float64Array;
  readonly waitMs: Float64Array;
  readonly writtenBytes: Float64Array;
  /** PSI of the whole machine: time in which something waited for I/O. NaN: not told. */
  readonly ioStallMs: Float64Array;
}

/** What `monitorEventLoopDelay`, read and reset every 10 s, as common exporters do it, said. */
export interface LoopDelay extends Span {
  readonly tier: Tier;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** A garbage collection by V8's own trace. */
export interface Collection {
  readonly tier: Tier;
  readonly atMs: number;
  readonly ms: number;
  readonly kind: string;
}

/** Our answer, `bottlenecks.md` section 11; only what is scored is named. */
export interface EpisodeJson {
  readonly id: string;
  readonly status?: string;
  readonly class?: string;
  readonly onset: { readonly hlc: string; readonly time: string };
  readonly end?: { readonly hlc: string; readonly time: string } | null;
  readonly durationMs?: number;
  readonly drainMs?: number;
  readonly tier?: {
    readonly service?: string;
    readonly node?: string;
    readonly edge?: { readonly from: string; readonly to: string };
  } | null;
  readonly causes?: ReadonlyArray<{
    readonly cause: string;
    readonly node?: string;
    readonly ms?: number;
  }>;
  readonly unexplainedMs?: number;
  readonly candidates?: ReadonlyArray<{ readonly service?: string; readonly node?: string }>;
  readonly snapshot?: {
    readonly at: { readonly hlc: string };
    readonly complete?: boolean;
  } | null;
}

/** An event of `/api/live`, and when it came. */
export interface LiveEpisode {
  readonly receivedMs: number;
  readonly episode: EpisodeJson;
}

/** A snapshot at an onset, asked back, beside what the tiers' own journals say of that moment. */
export interface SnapshotCheck {
  readonly episode: string;
  readonly tier: Tier;
  readonly complete: boolean;
  readonly value: number | null;
  readonly expected: number;
}

export interface RunFacts {
  readonly seed: number;
  readonly size: SizeName;
  readonly ratePerSecond: number;
  readonly busyUs: number;
  readonly skewMs: Readonly<Record<string, number>>;
  /** Places by the address under which a caller knows them. */
  readonly peers: Readonly<Record<string, Place>>;
  readonly startMs: number;
  readonly endMs: number;
  readonly sections: readonly Section[];
  readonly machine: string;
}

export interface Recording {
  readonly run: RunFacts;
  readonly truths: readonly Injection[];
  readonly clients: ClientLog;
  readonly tiers: ReadonlyMap<Tier, TierLog>;
  readonly hosts: ReadonlyMap<Tier, HostLog>;
  readonly loops: readonly LoopDelay[];
  readonly collections: readonly Collection[];
  /** Undefined: this collector does not answer the question. */
  readonly episodes: readonly EpisodeJson[] | undefined;
  readonly live: readonly LiveEpisode[];
  readonly snapshots: readonly SnapshotCheck[];
}

/** What a detector that is no part of the run may look at: all but the truth, and our own answers. */
export type Observed = Omit<Recording, "truths" | "episodes" | "live" | "snapshots">;

/** What a detector says, whichever it is. */
export interface Detection extends Span {
  /** When it could have been told, in live use; null: it was only asked afterwards. */
  readonly knownMs: number | null;
  readonly class: "fault" | "burst";
  /** Most suspect first. Null: it does not say. */
  readonly suspects: readonly Suspect[];
  /** Share of its milliseconds that has a cause; null: it keeps no such account. */
  readonly explained: number | null;
  /** By how much its times may be ahead, where they are of a clock that was moved on purpose. */
  readonly aheadMs?: readonly number[];
}

export interface Suspect {
  readonly tier: string | null;
  readonly cause: string | null;
}
