/**
 * Commands that wait for their agents. An agent fetches its own with the reply to any batch; an idle
 * one has an empty batch open (`?hold=1s`), whose reply is sent as soon as there is something to say.
 */
import type { AgentCommand } from "../../agent/kernel/index.ts";
import type { IngestTimers } from "./timers.ts";

/** Commands that may wait for one node; the oldest is dropped. */
export const MAX_COMMANDS_PER_NODE = 16;
/** Nodes that commands may wait for. */
const MAX_NODES = 10_000;
/** Replies held open at a time; beyond it they are sent at once. */
export const MAX_HELD_REPLIES = 10_000;

export class CommandBox {
  readonly #timers: IngestTimers;
  readonly #waiting = new Map<string, AgentCommand[]>();
  readonly #wakers = new Map<string, Set<() => void>>();
  #heldCount = 0;

  constructor(timers: IngestTimers) {
    this.#timers = timers;
  }

  /** Replies held open now. */
  get heldCount(): number {
    return this.#heldCount;
  }

  /** Has the node told so with its next reply; at once if one is held open. */
  push(command: AgentCommand): void {
    const commands = this.#waiting.get(command.node) ?? [];
    // One that is repeated while it waits is still one.
    if (!commands.some((one) => isSame(one, command))) commands.push(command);
    if (commands.length > MAX_COMMANDS_PER_NODE) commands.shift();
    this.#waiting.set(command.node, commands);
    if (this.#waiting.size > MAX_NODES) {
      const [oldest] = this.#waiting.keys();
      if (oldest !== undefined) this.#waiting.delete(oldest);
    }
    this.wake(command.node);
  }

  /** Sends the held replies of a node. */
  wake(node: string): void {
    for (const waker of this.#wakers.get(node) ?? []) waker();
  }

  /** What waits for these nodes; it waits no longer. */
  take(nodes: Iterable<string>): AgentCommand[] {
    const taken: AgentCommand[] = [];
    for (const node of new Set(nodes)) {
      taken.push(...(this.#waiting.get(node) ?? []));
      this.#waiting.delete(node);
    }
    return taken;
  }

  /** Resolves when there is a command for one of the nodes, or after `holdMs`, or on abort. */
  hold(nodes: readonly string[], holdMs: number, signal: AbortSignal): Promise<void> {
    const hasCommand = nodes.some((node) => this.#waiting.has(node));
    if (hasCommand || signal.aborted || this.#heldCount >= MAX_HELD_REPLIES) {
      return Promise.resolve();
    }
    this.#heldCount += 1;
    return new Promise((resolve) => {
      const finish = () => {
        cancel();
        signal.removeEventListener("abort", finish);
        for (const node of nodes) {
          const wakers = this.#wakers.get(node);
          wakers?.delete(finish);
          if (wakers?.size === 0) this.#wakers.delete(node);
        }
        this.#heldCount -= 1;
        resolve();
      };
      const cancel = this.#timers.after(holdMs, finish);
      signal.addEventListener("abort", finish, { once: true });
      for (const node of nodes) {
        const wakers = this.#wakers.get(node) ?? new Set();
        wakers.add(finish);
        this.#wakers.set(node, wakers);
      }
    });
  }
}

/** Commands are flat objects of texts, numbers and lists of texts. */
function isSame(a: AgentCommand, b: AgentCommand): boolean {
  return a.command === b.command && JSON.stringify(a) === JSON.stringify(b);
}
