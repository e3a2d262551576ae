/**
 * Captures: asks on-demand nodes for their windows of a past range, and follows what becomes of it.
 *
 *     POST /api/captures --> ask() ---- durable ----> `window` commands, at once into held replies,
 *     AgentStatus.triggers --> heard()                again every second until the node reports
 *                               |  gathered until `to` has come: triggers of one incident are one
 *     AgentStatus.captures --> heard() --> waits until all that was shipped is durable --> the verdict
 *
 * A node that does not report in 10 s is silent, which holds until it does: captures are amended for as
 * long as they are kept (capture-shelf.ts). What a report comes to: capture-verdict.ts.
 */
import { addMs, type Hlc, RetroError, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { EpochRecord, HistoryStore } from "../store/history-store.ts";
import { type ReportRead, reportsIn, type TriggerRead, triggersIn } from "./agent-word.ts";
import { CaptureAsking } from "./capture-asking.ts";
import { beganLater, latestRuns, whoToAsk } from "./capture-nodes.ts";
import { type Capture, type CaptureNode, isBetter, stateOf, withNode } from "./capture-record.ts";
import { CaptureShelf } from "./capture-shelf.ts";
import { awaited, verdict } from "./capture-verdict.ts";
import { CaptureWaiters } from "./capture-waiters.ts";
import type { CommandBox } from "./command-box.ts";
import type { IngestTimers } from "./timers.ts";
import {
  DEFAULT_TRIGGER_LIMITS,
  MAX_TRIGGERS_NAMED,
  type TriggerCounts,
  TriggerGate,
  type TriggerLimits,
} from "./trigger-gate.ts";

/** Captures for which some node is asked; beyond it no more are made. */
export const MAX_OPEN_CAPTURES = 16;
/** Reports that wait for the events they speak of; beyond it the oldest is given up. */
const MAX_PENDING = 10_000;
/** A trigger that the run before was told of so lately may not have become a capture. */
const RESUME_TRIGGERS_MS = 30_000;

export interface CaptureAsk {
  /** Events in (from, to]. */
  readonly from: Hlc;
  readonly to: Hlc;
  /** Absent: all that are live. They must be known. */
  readonly nodes?: readonly string[];
  readonly reason?: string;
}

export interface CapturesOptions {
  readonly store: HistoryStore;
  readonly commands: CommandBox;
  readonly timers: IngestTimers;
  /** A random text: no two captures, of whichever collector, may have one name. */
  readonly newToken: () => string;
  readonly triggers?: Partial<TriggerLimits>;
  /** Told of captures that could not be kept. */
  readonly onFailure?: (error: unknown) => void;
}

interface Pending {
  readonly id: string;
  readonly epochId: number;
  readonly report: ReportRead;
}

export class Captures {
  readonly #store: HistoryStore;
  readonly #timers: IngestTimers;
  readonly #newToken: () => string;
  readonly #onFailure: (error: unknown) => void;
  readonly #shelf: CaptureShelf;
  readonly #gate: TriggerGate;
  readonly #asking: CaptureAsking;
  /** Made by triggers, and nobody is asked yet: their range may grow. */
  readonly #gathering = new Map<string, Capture>();
  /** By node and capture. */
  readonly #pending = new Map<string, Pending>();
  readonly #waiters: CaptureWaiters;
  #addingCount = 0;
  #isClosed = false;

  constructor(options: CapturesOptions) {
    this.#store = options.store;
    this.#timers = options.timers;
    this.#newToken = options.newToken;
    this.#onFailure = options.onFailure ?? (() => {});
    this.#shelf = new CaptureShelf(options.store, this.#onFailure);
    this.#waiters = new CaptureWaiters(options.timers);
    this.#asking = new CaptureAsking({
      store: options.store,
      commands: options.commands,
      timers: options.timers,
      current: (id) => this.#shelf.get(id),
      soFar: (capture, node) => this.#soFar(capture, this.#pending.get(keyOf(node, capture.id))),
      update: (capture) => this.#update(capture),
      onFailure: this.#onFailure,
    });
    this.#gate = new TriggerGate({ ...DEFAULT_TRIGGER_LIMITS, ...options.triggers });
  }

  /** Takes up what the collector before left open. Call once, when agents can be answered. */
  start(): void {
    for (const capture of this.#shelf.latest(Number.POSITIVE_INFINITY)) {
      for (const { node, id } of capture.triggers) this.#gate.remember(node, id);
      if (stateOf(capture) === "asked") this.#asking.begin(capture);
    }
    const earliest = addMs(this.#timers.now(), -RESUME_TRIGGERS_MS);
    for (const record of latestRuns(this.#store).values()) {
      if (record.end !== null || record.imported) continue;
      for (const trigger of triggersIn(record.status)) {
        if (trigger.t > earliest) this.#trigger(record.node, trigger);
      }
    }
  }

  /** What became of triggers since the start. */
  get triggerCounts(): Readonly<TriggerCounts> {
    return this.#gate.counts;
  }

  get(id: string): Capture | undefined {
    return this.#shelf.get(id);
  }

  /** All history begins at `t` now: what captures before it brought is gone. */
  forgetBefore(t: number): void {
    this.#shelf.forgetBefore(t);
  }

  /** Newest first. */
  list(limit: number): readonly Capture[] {
    return this.#shelf.latest(limit);
  }

  /**
   * Asks for a range. Resolves when the capture is durable and the nodes are told.
   * @throws RetroError `unknown-node`; `overloaded` (too many are open); `disk-full`; `closed`
   */
  async ask({ from, to, nodes, reason }: CaptureAsk): Promise<Capture> {
    if (this.#isClosed) {
      throw new RetroError("closed", "the collector is stopping", {
        retriable: true,
        hint: "Ask again once it has been started anew.",
      });
    }
    if (!this.#hasRoom()) {
      throw new RetroError("overloaded", `${MAX_OPEN_CAPTURES} captures are being made`, {
        retriable: true,
        hint: "Ask again when they are done: GET /api/captures.",
      });
    }
    const capture = this.#newCapture(from, to, reason, [], nodes);
    await this.#add(capture);
    this.#asking.begin(capture);
    return this.#shelf.get(capture.id) ?? capture;
  }

  /** The capture as soon as no node is to be heard of any more, or as it is after `waitMs`. */
  async whenSettled(
    id: string,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<Capture | undefined> {
    const capture = this.#shelf.get(id);
    if (capture === undefined || stateOf(capture) !== "asked") return capture;
    await this.#waiters.wait(id, waitMs, signal);
    return this.#shelf.get(id);
  }

  /** A status of an agent has become durable. Never throws. */
  heard(record: EpochRecord, status: unknown): void {
    if (this.#isClosed) return;
    try {
      for (const report of reportsIn(status)) this.#report(record, report);
      for (const trigger of triggersIn(status)) this.#trigger(record.node, trigger);
    } catch (error) {
      this.#onFailure(error);
    }
  }

  /** Something of these epochs has become durable. Never throws. */
  stored(epochIds: readonly number[]): void {
    if (this.#pending.size === 0) return;
    try {
      const ids = new Set(epochIds);
      for (const [key, one] of this.#pending) if (ids.has(one.epochId)) this.#settle(key, one);
    } catch (error) {
      this.#onFailure(error);
    }
  }

  /** Lets go of whoever waits, and finishes what is on its way to the store. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#asking.stop();
    this.#waiters.wakeAll();
    await this.#shelf.idle();
  }

  #hasRoom(): boolean {
    let count = this.#addingCount + this.#gathering.size;
    for (const id of this.#asking.ids) {
      const capture = this.#shelf.get(id);
      if (capture !== undefined && stateOf(capture) === "asked") count += 1;
    }
    return count < MAX_OPEN_CAPTURES;
  }

  #newCapture(
    from: Hlc,
    to: Hlc,
    reason: string | undefined,
    triggers: Capture["triggers"],
    names?: readonly string[],
  ): Capture {
    const number = this.#shelf.nextNumber();
    return {
      number,
      id: `c${number}-${this.#newToken()}`,
      from,
      to,
      ...(reason === undefined || reason === "" ? {} : { reason }),
      askedMs: this.#timers.wallMs(),
      triggers,
      ...whoToAsk(this.#store, from, to, names),
    };
  }

  async #add(capture: Capture): Promise<void> {
    this.#addingCount += 1;
    try {
      await this.#shelf.add(capture);
    } finally {
      this.#addingCount -= 1;
    }
  }

  #msUntil(t: Hlc): number {
    return Math.max(0, (t - this.#timers.now()) / TICKS_PER_MS);
  }

  #report(record: EpochRecord, report: ReportRead): void {
    const part = this.#partOf(report.id, record.node);
    if (part === undefined || !isBetter(report.state, part.state)) return;
    const key = keyOf(record.node, report.id);
    const one = { id: report.id, epochId: record.id, report };
    this.#pending.delete(key);
    this.#pending.set(key, one);
    if (this.#pending.size > MAX_PENDING) {
      for (const oldest of this.#pending.keys()) {
        this.#pending.delete(oldest);
        break;
      }
    }
    this.#settle(key, one);
  }

  #settle(key: string, { id, epochId, report }: Pending): void {
    const capture = this.#shelf.get(id);
    const record = this.#store.epoch(epochId);
    if (capture === undefined || record === undefined) {
      this.#pending.delete(key);
      return;
    }
    if (awaited(report, record, capture) !== undefined) return;
    this.#pending.delete(key);
    const part = verdict(report, record, capture, beganLater(this.#store, record, capture));
    const before = this.#partOf(id, record.node);
    if (before === undefined || !isBetter(part.state, before.state)) return;
    this.#update(withNode(capture, part));
  }

  /** Of a node that reported, and what it speaks of has not all arrived in time: what has. */
  #soFar(capture: Capture, pending: Pending | undefined): CaptureNode | undefined {
    const record = pending && this.#store.epoch(pending.epochId);
    if (record === undefined || pending === undefined) return undefined;
    const { report } = pending;
    const why = awaited(report, record, capture);
    const part = verdict(report, record, capture, beganLater(this.#store, record, capture));
    if (why === undefined) return part;
    const { node, from, to } = part;
    const known = Math.min(to ?? record.watermark, record.watermark) as Hlc;
    const hasSome = from !== undefined && from < known;
    return { node, state: "partial", ...(hasSome ? { from, to: known } : {}), why };
  }

  #partOf(id: string, node: string): Capture["nodes"][number] | undefined {
    return this.#shelf.get(id)?.nodes.find((one) => one.node === node);
  }

  #update(capture: Capture): void {
    this.#shelf.update(capture);
    if (stateOf(capture) !== "asked") this.#waiters.wake(capture.id);
  }

  #trigger(node: string, trigger: TriggerRead): void {
    const now = { t: this.#timers.now(), monotonicMs: this.#timers.monotonicMs() };
    const found = this.#gate.judge(node, trigger, now, this.#gathering.values(), this.#hasRoom());
    if (found.kind === "nothing") return;
    const named = { node, id: trigger.id, t: trigger.t };
    if (found.kind === "capture") {
      void this.#gather(this.#newCapture(found.from, found.to, trigger.reason, [named]));
      return;
    }
    const { capture, from, to } = found;
    const triggers = [...capture.triggers, named].slice(0, MAX_TRIGGERS_NAMED);
    const extended = { ...capture, from, to, triggers };
    this.#gathering.set(capture.id, extended);
    this.#shelf.update(extended);
  }

  /** Keeps the capture, and asks when its range has ended: until then triggers may extend it. */
  async #gather(capture: Capture): Promise<void> {
    const { id } = capture;
    this.#gathering.set(id, capture);
    try {
      await this.#shelf.add(capture);
    } catch (error) {
      this.#gathering.delete(id);
      this.#onFailure(error);
      return;
    }
    // Triggers that came while it was on its way to the store.
    const gathered = this.#gathering.get(id);
    if (gathered !== undefined && gathered !== capture) this.#shelf.update(gathered);
    const look = (): void => {
      const latest = this.#gathering.get(id);
      if (latest === undefined || this.#isClosed) return;
      const leftMs = this.#msUntil(latest.to);
      if (leftMs > 0) {
        this.#timers.after(Math.ceil(leftMs), look);
        return;
      }
      this.#gathering.delete(id);
      const asked = { ...latest, ...whoToAsk(this.#store, latest.from, latest.to) };
      this.#update(asked);
      this.#asking.begin(asked);
    };
    look();
  }
}

function keyOf(node: string, id: string): string {
  return `${node} ${id}`;
}
