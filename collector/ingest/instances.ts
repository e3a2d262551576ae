/**
 * Two live processes under one node id. A restart looks the same at first: a new epoch joins soon
 * after an older one was heard. What tells them apart is that the older one is heard *again*, and
 * promises a time later than the beginning of the younger: no process does so after its death.
 *
 *     elder    x   x   x       x    <- `closed` past j, GRACE_MS after the younger came: both live
 *     younger          j   x   x
 *                               the younger is told `node-in-use`, the elder `rejoin` above it
 *
 * Who came first is told by the ids of the records, also over a restart of the collector: by epochs
 * the two would change places with each `rejoin`, and both be told to go.
 *
 * A reply may be lost, and the younger is forgotten once it has gone: an elder that is left alone
 * below a younger one's epoch is still told.
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { EpochRecord } from "../store/history-store.ts";
import { displacedOf } from "./standing.ts";
import type { IngestTimers } from "./timers.ts";

/** What a killed process has on the way arrives within this, nearly always. */
export const GRACE_MS = 1_500;
/** Heard no more for so long, a process is forgotten. */
const FORGET_MS = 10_000;

interface Process {
  readonly instance: string;
  /** The id of its first record under this node id: lower is earlier. */
  readonly since: number;
  /** When the latest of its epochs began. */
  joined: Hlc;
  readonly firstHeardMs: number;
  lastHeardMs: number;
}

/** `in-use`: this process has to take another id. `displaced`: a run of another one stands above its own. */
export type Rivalry = "none" | "in-use" | "displaced";

export class Instances {
  readonly #timers: IngestTimers;
  readonly #byNode = new Map<string, Process[]>();
  /** Instances that must take another id. */
  readonly #inUse = new Set<string>();

  constructor(timers: IngestTimers) {
    this.#timers = timers;
  }

  /**
   * Notes a sign of life of the run `record`, and says whether another process lives, or lived, under
   * its node id. `ofNode`: all runs of the node.
   */
  heard(record: EpochRecord, ofNode: readonly EpochRecord[]): Rivalry {
    const { instance } = record;
    const nowMs = this.#timers.monotonicMs();
    const processes = (this.#byNode.get(record.node) ?? []).filter(
      (one) => one.instance === instance || nowMs - one.lastHeardMs < FORGET_MS,
    );
    this.#byNode.set(record.node, processes);
    let self = processes.find((one) => one.instance === instance);
    if (self === undefined) {
      const { joined } = record;
      const since = firstOf(ofNode, instance);
      self = { instance, since, joined, firstHeardMs: nowMs, lastHeardMs: nowMs };
      processes.push(self);
    }
    if (record.joined > self.joined) self.joined = record.joined;
    self.lastHeardMs = nowMs;
    if (processes.length === 1) {
      this.#inUse.delete(instance);
      if (nowMs - self.firstHeardMs <= GRACE_MS) return "none";
    }
    if (this.#inUse.has(instance)) return "in-use";
    const { since } = self;
    for (const one of processes) {
      const isHeardFor = nowMs - one.firstHeardMs;
      if (one.since <= since || isHeardFor <= GRACE_MS || record.closed < one.joined) continue;
      this.#inUse.add(one.instance);
    }
    // Others are heard, and not known to be rivals: one may be what a restart has left on the way.
    if (processes.some((one) => one !== self && !this.#inUse.has(one.instance))) return "none";
    return displacedOf(ofNode).includes(record) ? "displaced" : "none";
  }

  /** The process said goodbye. */
  left(node: string, instance: string): void {
    const rest = (this.#byNode.get(node) ?? []).filter((one) => one.instance !== instance);
    if (rest.length > 0) this.#byNode.set(node, rest);
    else this.#byNode.delete(node);
    this.#inUse.delete(instance);
  }
}

function firstOf(ofNode: readonly EpochRecord[], instance: string): number {
  return Math.min(...ofNode.filter((one) => one.instance === instance).map(({ id }) => id));
}
