/**
 * Starts the sampler's thread beside the agent, and ends it. It never keeps the process alive, and ends with it. If it
 * cannot be started, or dies, the loop measures its own lateness alone (heartbeat.ts), and that is said.
 */
import { fileURLToPath } from "node:url";
import { isMainThread, Worker } from "node:worker_threads";
import { type SharedTable, Word } from "./open-requests.ts";

/** What the thread is given. */
export interface SamplerSeed {
  readonly buffer: SharedArrayBuffer;
  /** Of the thread that is watched; undefined: it is not known. */
  readonly threadId: number | undefined;
}

export interface SamplerOptions {
  readonly buffer: SharedArrayBuffer;
  readonly table: SharedTable;
  /** Takes what was seen of a second, encoded. */
  readonly onBlock: (second: number, bytes: Uint8Array) => void;
  /** Why there is no sampler, or none any more. */
  readonly onGone: (reason: string) => void;
}

/** It holds a few MB; more is a bug, and must not take the host's memory. */
const THREAD_MB = 64;

export class Sampler {
  readonly #table: SharedTable;
  #worker: Worker | undefined;

  constructor({ buffer, table, onBlock, onGone }: SamplerOptions) {
    this.#table = table;
    const seed: SamplerSeed = { buffer, threadId: isMainThread ? process.pid : undefined };
    try {
      const worker = new Worker(scriptOf(), {
        // Nothing that the host was started with is loaded into it: this agent, say.
        ...{ execArgv: [], env: {}, name: "retroscope-sampler", workerData: seed },
        resourceLimits: { maxOldGenerationSizeMb: THREAD_MB },
      });
      worker.on("message", ({ second, bytes }: { second: number; bytes: Uint8Array }) =>
        onBlock(second, bytes),
      );
      worker.on("error", (error) => onGone(String(error)));
      worker.on("exit", () => {
        if (this.#worker !== undefined) onGone("its thread ended");
        this.#worker = undefined;
      });
      worker.unref();
      this.#worker = worker;
    } catch (error) {
      onGone(String(error));
    }
  }

  /** Whether the thread runs. */
  get isOn(): boolean {
    return this.#worker !== undefined;
  }

  /** May be called twice. */
  close(): void {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#worker = undefined;
    Atomics.store(this.#table.words, Word.end, 1);
    void worker.terminate();
  }
}

/**
 * The compiled thread: of a checkout that which was built last, as Node runs no TypeScript by itself. Bundled into a
 * service it stands nowhere (made CommonJS, there is not even a place to look from): then there is no sampler.
 */
function scriptOf(): string {
  const here = import.meta.url as string | undefined;
  if (here === undefined) throw new Error("the agent is bundled");
  const script = here.endsWith(".ts")
    ? "../../dist/agent/tracing/sampler-worker.js"
    : "./sampler-worker.js";
  return fileURLToPath(new URL(script, here));
}
