/**
 * Two live processes under one node id. A restart looks the same at first: a new epoch joins soon
 * after an older one was heard. What tells them apart is that the older one is heard *again*, later
 * than anything a dying process may have left on the way.
 *
 *     older  x   x   x       x    <- heard GRACE_MS after the younger came: both live
 *     younger          j   x   x
 *                                 the younger is told `node-in-use`, the older `rejoin` above it
 *
 * A reply may be lost, and the younger is forgotten once it has gone: an older one that is left alone
 * below a younger one's epoch is still to be told (ingest.ts, standing.ts).
 */
import type { IngestTimers } from "./timers.ts";

/** What a killed process has on the way arrives within this. */
export const GRACE_MS = 1_500;
/** Heard no more for so long, a process is forgotten. */
const FORGET_MS = 10_000;

interface Process {
  readonly instance: string;
  epoch: number;
  readonly firstHeardMs: number;
  lastHeardMs: number;
}

/** `in-use`: this process has to take another id. `displaced`: it was here first, and a younger epoch stands above its own. */
export type Rivalry = "none" | "in-use" | "displaced";

export class Instances {
  readonly #timers: IngestTimers;
  readonly #byNode = new Map<string, Process[]>();
  /** Instances that must take another id. */
  readonly #inUse = new Set<string>();

  constructor(timers: IngestTimers) {
    this.#timers = timers;
  }

  /** Notes a sign of life, and says whether another process lives under the same node id. */
  heard(node: string, epoch: number, instance: string): Rivalry {
    const nowMs = this.#timers.monotonicMs();
    const processes = (this.#byNode.get(node) ?? []).filter(
      (one) => one.instance === instance || nowMs - one.lastHeardMs < FORGET_MS,
    );
    this.#byNode.set(node, processes);
    let self = processes.find((one) => one.instance === instance);
    if (self === undefined) {
      self = { instance, epoch, firstHeardMs: nowMs, lastHeardMs: nowMs };
      processes.push(self);
    }
    self.epoch = Math.max(self.epoch, epoch);
    self.lastHeardMs = nowMs;
    if (processes.length === 1) {
      this.#inUse.delete(instance);
      return "none";
    }
    const { epoch: ownEpoch } = self;
    const younger = processes.filter(
      (one) => one.epoch > ownEpoch && nowMs - one.firstHeardMs > GRACE_MS,
    );
    if (this.#inUse.has(instance)) return "in-use";
    for (const one of younger) this.#inUse.add(one.instance);
    return younger.length > 0 ? "displaced" : "none";
  }

  /** Whether nobody else was heard under the node id since so long that nobody else can be on the way. */
  isAlone(node: string, instance: string): boolean {
    const processes = this.#byNode.get(node) ?? [];
    const [self] = processes;
    if (processes.length !== 1 || self?.instance !== instance) return false;
    return this.#timers.monotonicMs() - self.firstHeardMs > GRACE_MS;
  }

  /** The process said goodbye. */
  left(node: string, instance: string): void {
    const rest = (this.#byNode.get(node) ?? []).filter((one) => one.instance !== instance);
    if (rest.length > 0) this.#byNode.set(node, rest);
    else this.#byNode.delete(node);
    this.#inUse.delete(instance);
  }
}
