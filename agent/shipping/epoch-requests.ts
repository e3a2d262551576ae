/**
 * Wishes for a further epoch, and when they are granted. Each costs the collector a join and keyframes,
 * so there is one every 5 s at most; a wish that comes sooner is kept until then, and forgotten where
 * another epoch has begun in the meantime.
 */
import type { Hlc } from "../kernel/index.ts";
import type { ReopenRequest } from "./event-source.ts";
import type { Scheduler } from "./scheduler.ts";

/** No collector can make us open epochs faster. */
const MIN_REJOIN_MS = 5_000;

export class EpochRequests {
  readonly #scheduler: Scheduler;
  #held: { readonly request: ReopenRequest; readonly epoch: number } | undefined;
  #nextMs = 0;
  #count = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** Wishes granted. */
  get count(): number {
    return this.#count;
  }

  /** Keeps a wish about `epoch`, together with one that is kept already. */
  ask(request: ReopenRequest, epoch: number): void {
    const before = this.#held?.epoch === epoch ? this.#held.request : undefined;
    this.#held = { request: before === undefined ? request : united(before, request), epoch };
  }

  /** The wish about `epoch`, if there is one and its time has come; it is granted then. */
  takeDue(epoch: number): ReopenRequest | undefined {
    const held = this.#held;
    const now = this.#scheduler.nowMs();
    if (held === undefined || now < this.#nextMs) return undefined;
    this.#held = undefined;
    if (held.epoch !== epoch) return undefined;
    this.#nextMs = now + MIN_REJOIN_MS;
    this.#count += 1;
    return held.request;
  }
}

function united(a: ReopenRequest, b: ReopenRequest): ReopenRequest {
  const isHigher = b.aboveT !== null && (a.aboveT === null || b.aboveT > a.aboveT);
  const aboveT: Hlc | null = isHigher ? b.aboveT : a.aboveT;
  return {
    aboveEpoch: Math.max(a.aboveEpoch, b.aboveEpoch),
    aboveT,
    nodeInUse: a.nodeInUse || b.nodeInUse,
  };
}
