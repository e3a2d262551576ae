/**
 * The epochs of one process: who it says it is, and how it gets above everything known of it from
 * before. The first epoch begins with the agent; a further one when the collector asks for it.
 */
import { randomBytes } from "node:crypto";
import { ceilingFor, ceilingRenewalMs } from "./ceiling.ts";
import type { Config } from "./config.ts";
import { EpochFile, MAX_EPOCH } from "./epoch-file.ts";
import { forgetLeftovers } from "./epoch-leftovers.ts";
import { type Hlc, type HlcClock, TICKS_PER_MS } from "./kernel/index.ts";
import type { Notices } from "./notices.ts";
import type { ReopenRequest } from "./shipping/event-source.ts";
import type { Scheduler } from "./shipping/scheduler.ts";
import type { EpochIdentity } from "./state/event-feed.ts";

const MAX_NODE_LENGTH = 80;

export class Epochs {
  readonly #config: Config;
  readonly #notices: Notices;
  readonly #file: EpochFile | undefined;
  readonly #instance = randomBytes(8).toString("hex");
  readonly #persistedEpoch: number;
  #livedMs: () => number = () => 0;
  /** No stamp of an earlier run was above it; undefined: not known. */
  readonly ceiling: Hlc | undefined;

  /** Reads what an earlier run left, where there is a data directory. `isInert`: nothing is read or written. */
  constructor(config: Config, notices: Notices, isInert: boolean) {
    this.#config = config;
    this.#notices = notices;
    const { dataDir, node } = config;
    if (dataDir !== undefined && !isInert) {
      this.#file = new EpochFile(dataDir, node, (message) => notices.say("epoch-file", message));
      forgetLeftovers(dataDir, node, process.pid);
    }
    const persisted = this.#file?.read();
    this.#persistedEpoch = persisted?.epoch ?? 0;
    this.ceiling = persisted?.ceiling;
  }

  /** The epoch of this start. */
  first(clock: HlcClock): EpochIdentity {
    const epoch = Math.max(this.#persistedEpoch + 1, msSince2020(clock.physicalNow()));
    this.#file?.writeNow(epoch, this.#ceilingNow(clock));
    return this.#identity(this.#config.node, epoch);
  }

  /** A further epoch above what the collector knows, under another id if ours is taken. */
  further(now: EpochIdentity, clock: HlcClock, request: ReopenRequest): EpochIdentity {
    const { aboveEpoch, aboveT, nodeInUse } = request;
    const physical = clock.physicalNow();
    if (aboveT !== null && aboveT - physical <= this.#config.maxDriftMs * TICKS_PER_MS) {
      clock.raiseTo(aboveT);
    } else if (aboveT !== null) {
      const told = "the collector knows this node at a time far ahead; check the clocks";
      this.#notices.say("ahead", told);
    }
    const node = nodeInUse ? withSuffix(now.node, `.${process.pid}`) : now.node;
    if (nodeInUse) {
      const told = `another process is ${now.node}; this one is ${node} from now on`;
      this.#notices.say("node-in-use", told);
    }
    const known = aboveEpoch <= MAX_EPOCH ? aboveEpoch : 0;
    const epoch = Math.max(now.epoch + 1, known + 1, msSince2020(physical));
    return this.#identity(node, epoch);
  }

  /** Keeps the ceiling on disk above the clock; the result ends that. */
  keepCeiling(epoch: () => number, clock: HlcClock, scheduler: Scheduler): () => void {
    if (this.#file === undefined) return () => undefined;
    const startMs = scheduler.nowMs();
    this.#livedMs = () => scheduler.nowMs() - startMs;
    let cancel: () => void = () => undefined;
    const renew = (): void => {
      const delayMs = ceilingRenewalMs(clock.last, physicalOf(clock), this.#livedMs());
      cancel = scheduler.after(delayMs, () => {
        void this.write(epoch(), clock);
        renew();
      });
    };
    renew();
    return () => cancel();
  }

  /** Writes the ceiling for now, without making anybody wait but those who await it. */
  async write(epoch: number, clock: HlcClock): Promise<void> {
    await this.#file?.write(epoch, this.#ceilingNow(clock));
  }

  /** Writes that this was the last stamp of all. */
  async writeLast(epoch: number, last: Hlc): Promise<void> {
    await this.#file?.write(epoch, last);
  }

  #ceilingNow(clock: HlcClock): Hlc {
    return ceilingFor(clock.last, physicalOf(clock), this.#livedMs());
  }

  #identity(node: string, epoch: number): EpochIdentity {
    const { service, tags } = this.#config;
    return { node, epoch, service, tags, instance: this.#instance };
  }
}

/** A clock that throws is counted where it is read for a stamp. */
function physicalOf(clock: HlcClock): Hlc {
  try {
    return clock.physicalNow();
  } catch {
    return clock.last;
  }
}

function msSince2020(t: Hlc): number {
  return Math.max(0, Math.floor(t / TICKS_PER_MS));
}

function withSuffix(node: string, suffix: string): string {
  return node.slice(0, MAX_NODE_LENGTH - suffix.length) + suffix;
}
