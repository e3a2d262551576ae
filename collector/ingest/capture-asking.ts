/**
 * Asking: the `window` commands of open captures, repeated until the nodes report, and when to give up.
 *
 *     asked                       `to` has come        + 10 s            + 60 s
 *     |--- a command a second, each way may lose one --|-----------------|  no window holds it any more
 *                                                      | silent, and asked on
 */
import { formatHlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { EpochRecord, HistoryStore } from "../store/history-store.ts";
import { isOnDemand } from "./agent-word.ts";
import { latestRuns } from "./capture-nodes.ts";
import { type Capture, type CaptureNode, withNode } from "./capture-record.ts";
import type { CommandBox } from "./command-box.ts";
import type { IngestTimers } from "./timers.ts";

/** A node that has not reported so long after the range had ended is silent. */
export const SILENT_AFTER_MS = 10_000;
/** A command is repeated this often ... */
export const REPEAT_MS = 1_000;
/** ... for so long after the range had ended. */
export const REPEAT_FOR_MS = 60_000;
const TICK_MS = 250;

export interface AskingOptions {
  readonly store: HistoryStore;
  readonly commands: CommandBox;
  readonly timers: IngestTimers;
  /** A capture as it is now. */
  readonly current: (id: string) => Capture | undefined;
  /** What a node that has reported has come to by now, if it has. */
  readonly soFar: (capture: Capture, node: string) => CaptureNode | undefined;
  readonly update: (capture: Capture) => void;
  readonly onFailure: (error: unknown) => void;
}

interface Open {
  /** When its range has ended, monotonic ms. */
  readonly dueMs: number;
  /** When a node was told last. */
  readonly toldMs: Map<string, number>;
}

export class CaptureAsking {
  readonly #options: AskingOptions;
  readonly #open = new Map<string, Open>();
  #cancelTick: (() => void) | undefined;
  #isStopped = false;

  constructor(options: AskingOptions) {
    this.#options = options;
  }

  /** Captures whose nodes are still asked, silent ones too. */
  get ids(): Iterable<string> {
    return this.#open.keys();
  }

  /** Tells the nodes that are asked, now and again. */
  begin(capture: Capture): void {
    const { timers } = this.#options;
    const asked = capture.nodes.filter(({ state }) => state === "asked");
    if (asked.length === 0) return;
    const nowMs = timers.monotonicMs();
    const aheadMs = Math.max(0, (capture.to - timers.now()) / TICKS_PER_MS);
    const toldMs = new Map(asked.map(({ node }) => [node, nowMs]));
    this.#open.set(capture.id, { dueMs: nowMs + aheadMs, toldMs });
    for (const { node } of asked) this.#tell(capture, node);
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTick?.();
    this.#cancelTick = undefined;
  }

  #tell({ id, from, to }: Capture, node: string): void {
    const range = { from: formatHlc(from), to: formatHlc(to) };
    this.#options.commands.push({ command: "window", node, id, ...range });
  }

  #schedule(): void {
    if (this.#cancelTick !== undefined || this.#open.size === 0 || this.#isStopped) return;
    this.#cancelTick = this.#options.timers.after(TICK_MS, () => {
      this.#cancelTick = undefined;
      try {
        for (const [id, open] of this.#open) this.#look(id, open);
      } catch (error) {
        this.#options.onFailure(error);
      }
      this.#schedule();
    });
  }

  /** Tells again who has not reported; gives up on who has not for too long. */
  #look(id: string, { dueMs, toldMs }: Open): void {
    const { store, timers, current, soFar, update } = this.#options;
    const nowMs = timers.monotonicMs();
    const before = current(id);
    if (before === undefined || nowMs >= dueMs + REPEAT_FOR_MS) {
      this.#open.delete(id);
      return;
    }
    const runs = latestRuns(store);
    let capture = before;
    for (const { node, state } of before.nodes) {
      if (state !== "asked" && state !== "silent") toldMs.delete(node);
      const lastMs = toldMs.get(node);
      if (lastMs === undefined) continue;
      const run = runs.get(node);
      const hasLeft = run?.end?.kind === "left";
      if (state === "asked" && (nowMs >= dueMs + SILENT_AFTER_MS || hasLeft)) {
        const silent: CaptureNode = { node, state: "silent", why: whySilent(run) };
        capture = withNode(capture, soFar(capture, node) ?? silent);
      }
      if (nowMs - lastMs < REPEAT_MS || hasLeft) continue;
      toldMs.set(node, nowMs);
      this.#tell(capture, node);
    }
    if (capture !== before) update(capture);
    if (toldMs.size === 0) this.#open.delete(id);
  }
}

function whySilent(run: EpochRecord | undefined): string {
  if (run?.end?.kind === "left") return "it has left";
  if (run !== undefined && !isOnDemand(run.status)) {
    return "it has begun anew and ships everything now";
  }
  return `it has not reported within ${SILENT_AFTER_MS / 1_000} s`;
}
