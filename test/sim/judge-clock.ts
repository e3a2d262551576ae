/**
 * The clock rules (reliability.md section 6), judged at every stamp that a call returned, from the
 * machine's own clock alone:
 *
 *     rise       each stamp of a run is later than the one before; changes may share one
 *     range      a safe integer, after 1970
 *     gate       a stamp too far ahead is refused and moves nothing; one within the bound is not refused
 *     lead       nobody is pushed further ahead than the bound, plus what a ceiling on disk adds once
 *     restart    above every stamp of the run before, and in a higher epoch, where its file could be kept
 *
 * That a watermark never falls and no event comes at or before a promise is judged at the collector
 * (checker.ts, sim-network.ts).
 */
import type { Judge } from "./judge.ts";
import type { Message, ProcessLedger } from "./ledger.ts";
import type { NodeClock } from "./node-clock.ts";

const TICKS_PER_MS = 4096;
/** The lag in following a step, and ties. */
const SLACK_TICKS = 1_000 * TICKS_PER_MS;
/** A step is followed within 250 ms; after this much of a machine's time it is. */
const FOLLOWED_MS = 1_000;
/** What a ceiling on disk puts a run ahead: once, however many runs there were. */
const LEASE_TICKS = 3_000 * TICKS_PER_MS;
/** A ceiling is renewed each second and takes a while to write: so far ahead of physical time it covers. */
const COVERED_TICKS = 1_500 * TICKS_PER_MS;
const COVERED_AFTER_MS = 1_500;

/** What is judged of a machine. */
export interface Machine {
  readonly name: string;
  readonly clock: NodeClock;
  /** Its epoch file outlives its processes, and every write of it so far succeeded. */
  readonly keepsData: boolean;
}

interface LastRun {
  readonly t: number;
  readonly epoch: number;
  /** A ceiling above `t` must have been on disk. */
  readonly isCovered: boolean;
}

export class ClockJudge {
  readonly #judge: Judge;
  readonly #maxDriftTicks: number;
  readonly #lastRuns = new Map<string, LastRun>();
  /** The highest stamp that a call of each process returned, for messages that came again too. */
  readonly #highest = new WeakMap<ProcessLedger, number>();

  constructor(judge: Judge) {
    this.#judge = judge;
    this.#maxDriftTicks = judge.scenario.maxDriftMs * TICKS_PER_MS;
  }

  /** After each stamp that a call returned, before the ledger notes it. */
  stamped(machine: Machine, process: ProcessLedger, t: number, isChange: boolean): void {
    const { name, clock } = machine;
    if (!Number.isSafeInteger(t) || t <= 0)
      this.#judge.fail("a stamp out of range", `${name}: ${t}`);
    const last = process.times.at(-1);
    if (last !== undefined && (t < last || (t === last && !isChange))) {
      this.#judge.fail("a stamp did not rise", `${name}: ${t} after ${last}`);
    }
    if (last === undefined) this.#startedAbove(machine, t);
    this.#highest.set(process, Math.max(t, this.#highest.get(process) ?? t));
    const lead = t - clock.ticks();
    const most = this.#maxDriftTicks + SLACK_TICKS + LEASE_TICKS + clock.backMs * TICKS_PER_MS;
    if (lead > most) {
      this.#judge.fail("a clock was pushed", `${name}: ${lead / TICKS_PER_MS} ms ahead`);
    }
  }

  /** After a merge, before `stamped`: what was refused moved nothing, and only what is too far ahead was refused. */
  merged(
    { name, clock }: Machine,
    process: ProcessLedger,
    message: Message,
    t: number,
    isRefused: boolean,
  ): void {
    if (clock.sinceStepMs < FOLLOWED_MS) return;
    const stamp = message.forgedT ?? message.t;
    const last = this.#highest.get(process) ?? Number.NEGATIVE_INFINITY;
    const ahead = stamp - clock.ticks();
    const detail = `${name}: ${message.id} ${ahead / TICKS_PER_MS} ms ahead, merged as ${t}`;
    // The agent's own stamps, promises among them, may have passed it: then nothing is left to gate.
    if (!isRefused && stamp > last + OWN_TICKS && ahead > this.#maxDriftTicks + SLACK_TICKS) {
      this.#judge.fail("a stamp passed the gate", detail);
    }
    if (isRefused && ahead < this.#maxDriftTicks - SLACK_TICKS) {
      this.#judge.fail("a stamp was refused without need", detail);
    }
    if (!isRefused) return;
    this.#judge.counts.add("refused merges judged");
    const before = clock.ticks() + clock.backMs * TICKS_PER_MS;
    if (t > Math.max(last + OWN_TICKS, before + SLACK_TICKS)) {
      this.#judge.fail("a refused stamp moved the clock", detail);
    }
  }

  /** A run ended, killed or closed. */
  ended({ name, clock }: Machine, process: ProcessLedger): void {
    const t = process.times.at(-1);
    const epoch = process.epochs.at(-1)?.epoch;
    if (t === undefined || epoch === undefined) return;
    const isCovered = t <= clock.ticks() + COVERED_TICKS && clock.sinceStepMs > COVERED_AFTER_MS;
    this.#lastRuns.set(name, { t, epoch, isCovered });
  }

  #startedAbove({ name, keepsData }: Machine, t: number): void {
    const before = this.#lastRuns.get(name);
    if (!keepsData || before === undefined || !before.isCovered) return;
    this.#judge.counts.add("restarts above a ceiling");
    if (t <= before.t) {
      this.#judge.fail("a restart below its ceiling", `${name}: ${t}, was at ${before.t}`);
    }
  }

  /** The first epoch of a run is known. */
  opened({ name, keepsData }: Machine, epoch: number): void {
    const before = this.#lastRuns.get(name);
    if (!keepsData || before === undefined || epoch > before.epoch) return;
    this.#judge.fail("a restart in an old epoch", `${name}: ${epoch} after ${before.epoch}`);
  }
}

/** Stamps that the agent may issue by itself between two of the host's calls. */
const OWN_TICKS = 4_096;
