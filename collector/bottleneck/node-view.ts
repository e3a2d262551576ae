/** One node's recording, with what is worked out of it once: tracks, baselines, latencies per window. */
import { Baselines, type Signal } from "./baselines.ts";
import type { Buckets } from "./buckets.ts";
import { ChanceLoad } from "./chance-load.ts";
import { unionOf } from "./intervals.ts";
import { LoadTrack } from "./load-track.ts";
import type { Interval, NodeRecording } from "./recording.ts";
import { RequestLengths } from "./request-lengths.ts";
import { type BottleneckSettings, SLOT_MS } from "./settings.ts";

/** Operations of a node that are looked at one by one; agents name 64 at most, and others `other`. */
const MAX_OPERATIONS = 65;

/** What a window's latencies come to: p99, or the maximum where there are too few for one. */
export interface LatencyStat {
  readonly isP99: boolean;
  readonly us: number;
  readonly buckets: Buckets;
}

/** One operation of a node, or all of them. */
export class TrackView {
  readonly operation: string | null;
  readonly track: LoadTrack;
  readonly baselines: Baselines;
  readonly #settings: BottleneckSettings;
  readonly #latencies = new Map<string, LatencyStat | undefined>();
  #lengths: RequestLengths | undefined;

  constructor(operation: string | null, track: LoadTrack, settings: BottleneckSettings) {
    this.operation = operation;
    this.track = track;
    this.baselines = new Baselines(track, settings);
    this.#settings = settings;
  }

  /** Of what completed, by steps of baselines. */
  get lengths(): RequestLengths {
    const { baselineStepMs } = this.#settings;
    this.#lengths ??= new RequestLengths(this.track, baselineStepMs / SLOT_MS);
    return this.#lengths;
  }

  /** Undefined: nothing completed there. */
  latency(slot: number, slots: number): LatencyStat | undefined {
    const key = `${slot} ${slots}`;
    if (!this.#latencies.has(key)) this.#latencies.set(key, this.#latency(slot, slots));
    return this.#latencies.get(key);
  }

  #latency(slot: number, slots: number): LatencyStat | undefined {
    const buckets = this.track.latencies(slot, slots);
    if (buckets.total === 0) return undefined;
    const isP99 = buckets.total >= this.#settings.percentileFloorCount;
    return { isP99, us: isP99 ? buckets.percentile(99) : buckets.maxUs, buckets };
  }

  /** Windows are compared with those of the same statistic. */
  latencySignal(isP99: boolean): Signal {
    return {
      name: isP99 ? "p99" : "max",
      isLatency: true,
      of: (_window, _track, slot, slots) => {
        const stat = this.latency(slot, slots);
        return stat?.isP99 === isP99 ? stat.us : Number.NaN;
      },
    };
  }
}

export class NodeView {
  readonly recording: NodeRecording;
  readonly settings: BottleneckSettings;
  readonly all: TrackView;
  readonly chance: ChanceLoad;
  /** Heartbeat gaps, joined. */
  readonly gaps: readonly Interval[];
  #operations: readonly TrackView[] | undefined;

  constructor(recording: NodeRecording, settings: BottleneckSettings) {
    this.recording = recording;
    this.settings = settings;
    this.all = new TrackView(null, new LoadTrack(recording.load, () => true), settings);
    this.chance = new ChanceLoad(() => this.operations, settings);
    this.gaps = unionOf(recording.gaps);
  }

  get node(): string {
    return this.recording.node;
  }

  /** By name. */
  get operations(): readonly TrackView[] {
    if (this.#operations !== undefined) return this.#operations;
    const names = new Set<string>();
    for (const { cells } of this.recording.load) {
      for (const { operation } of cells) if (names.size < MAX_OPERATIONS) names.add(operation);
    }
    const { load } = this.recording;
    this.#operations = [...names].sort().map((name) => {
      const track = new LoadTrack(load, (operation) => operation === name);
      return new TrackView(name, track, this.settings);
    });
    return this.#operations;
  }
}
