/**
 * The child processes of an example: ended by their own ids, never left behind. Each one's output goes
 * to a file of its own, whose tail is shown if it dies early.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const STOP_WAIT_MS = 15_000;
const TAIL_LINES = 15;

export class ProcessGroup {
  readonly #directory: string;
  readonly #children = new Map<string, ChildProcess>();
  /** Called when a child ends that nobody asked to end. */
  onUnexpectedExit: (name: string, tail: string) => void = () => undefined;
  readonly #stopping = new Set<string>();
  #isClosed = false;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Starts `node file args`, with `env` on top of ours. */
  start(name: string, file: string, args: readonly string[], env: Record<string, string>): void {
    this.startProgram(name, process.execPath, [file, ...args], env);
  }

  /** Starts a program that is no Node, with `env` on top of our environment. */
  startProgram(
    name: string,
    program: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): void {
    if (this.#isClosed) throw new Error(`${name} is not started: all are being stopped`);
    const out = openSync(this.#logFile(name), "a");
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ["ignore", out, out],
    });
    closeSync(out);
    this.#stopping.delete(name);
    this.#children.set(name, child);
    const gone = (why: string): void => {
      if (this.#children.get(name) !== child) return;
      this.#children.delete(name);
      if (!this.#stopping.has(name)) this.onUnexpectedExit(name, `${this.tail(name)}${why}`);
    };
    child.once("exit", () => gone(""));
    child.once("error", (error) => gone(error.message)); // it could not even be started
  }

  /**
   * Stops a child in the midst of things for so long, as a garbage collection or a busy host would.
   * It runs again afterwards, whatever becomes of the caller.
   */
  async pause(name: string, durationMs: number): Promise<void> {
    const child = this.#children.get(name);
    if (!child) return;
    child.kill("SIGSTOP");
    try {
      await delay(durationMs);
    } finally {
      child.kill("SIGCONT");
    }
  }

  /** The ids of those that run, by name. */
  pids(): ReadonlyMap<string, number> {
    const running = [...this.#children].filter(([, { pid }]) => pid !== undefined);
    return new Map(running.map(([name, { pid }]) => [name, pid as number]));
  }

  /** Sends a signal that does not end it. */
  signal(name: string, signal: NodeJS.Signals): void {
    this.#children.get(name)?.kill(signal);
  }

  /** Ends one child and waits until it is gone; SIGKILL after 15 s. */
  async stop(name: string, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.#children.get(name);
    if (!child) return;
    this.#stopping.add(name);
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_WAIT_MS);
    await gone;
    clearTimeout(timer);
  }

  async stopAll(names: readonly string[] = [...this.#children.keys()]): Promise<void> {
    await Promise.all(names.map((name) => this.stop(name)));
  }

  /** Ends all, and starts no more: for the end of everything, whoever may still be at work. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.stopAll();
  }

  /** The last lines that a child printed. */
  tail(name: string): string {
    const lines = readFileSync(this.#logFile(name), "utf8").trimEnd().split("\n");
    return lines.slice(-TAIL_LINES).join("\n");
  }

  #logFile(name: string): string {
    return join(this.#directory, `${name}.log`);
  }
}

/** A loopback port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === "object"
          ? resolve(address.port)
          : reject(new Error("no port")),
      );
    });
  });
}

/** Whether nobody listens on the loopback port. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Asks `condition` every 50 ms until it holds. Rejects after `timeoutMs`, naming `what`. */
export async function waitFor(
  what: string,
  timeoutMs: number,
  condition: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await delay(50);
  }
}
