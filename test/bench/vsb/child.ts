/** A process of the run: started with an IPC channel, asked with a deadline, ended by its id. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Dumped, Inject, Injected, Listening, Order } from "./processes/messages.ts";

/** How long a process may take to say its first word, on a busy machine. */
const START_MS = 30_000;
const DUMP_MS = 30_000;
/** What an injection may take beyond its duration. */
const LATE_MS = 15_000;
const END_MS = 5_000;

export class Child {
  readonly name: string;
  readonly #process: ChildProcess;
  #output = "";
  port = 0;

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#process = child;
    child.stdout?.setEncoding("latin1").on("data", (text: string) => {
      this.#output += text;
    });
  }

  /**
   * @param file beside processes/, without its ending
   * @param flags of Node
   */
  static async start(
    name: string,
    file: string,
    orders: unknown,
    flags: readonly string[] = [],
  ): Promise<Child> {
    const path = fileURLToPath(new URL(`./processes/${file}.js`, import.meta.url));
    const process_ = fork(path, [JSON.stringify(orders)], {
      execArgv: [...flags],
      env: bareEnvironment(),
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    const child = new Child(name, process_);
    try {
      child.port = (await child.#answer<Listening>("port", START_MS)).port;
    } catch (error) {
      await child.end();
      throw error;
    }
    return child;
  }

  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error(`${this.name} was not started`);
    return pid;
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** What it printed so far: V8's traces, where a flag asks for them. */
  get output(): string {
    return this.#output;
  }

  tell(order: Order): void {
    this.#process.send(order);
  }

  /** @throws if it is not over in time, or the process ended */
  inject(order: Omit<Inject, "do">): Promise<Injected> {
    const answer = this.#answer<Injected>("injected", order.durationMs * 3 + LATE_MS, order.id);
    this.tell({ do: "inject", ...order });
    return answer;
  }

  dump(file: string): Promise<Dumped> {
    const answer = this.#answer<Dumped>("dumped", DUMP_MS);
    this.tell({ do: "dump", file });
    return answer;
  }

  /** Stops or continues it. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    process.kill(this.pid, signal);
  }

  /**
   * Lets it end by itself, and waits until all that it printed has come: V8 writes its traces through a buffer
   * that a signal would lose.
   */
  async leave(): Promise<void> {
    if (!this.#process.connected) return;
    const closed = once(this.#process, "close", { signal: AbortSignal.timeout(END_MS) });
    this.#process.disconnect();
    await closed.catch(() => undefined); // what hangs is ended with all the others
  }

  /** May be called twice. */
  async end(): Promise<void> {
    const child = this.#process;
    if (!this.isRunning || child.pid === undefined) return;
    const ended = once(child, "exit");
    // A stopped process does not see that its channel is closed.
    child.kill("SIGCONT");
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
    await ended;
    clearTimeout(timer);
  }

  #answer<Answer>(field: string, withinMs: number, value?: unknown): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const child = this.#process;
      const over = (settle: () => void): void => {
        clearTimeout(timer);
        child.off("message", onMessage);
        child.off("exit", onExit);
        settle();
      };
      const onMessage = (message: unknown): void => {
        const found = (message as Record<string, unknown>)[field];
        if (found === undefined || (value !== undefined && found !== value)) return;
        over(() => resolve(message as Answer));
      };
      const onExit = (code: number | null): void =>
        over(() => reject(new Error(`${this.name} ended (${code}) and did not say "${field}"`)));
      const timer = setTimeout(
        () =>
          over(() => reject(new Error(`${this.name} did not say "${field}" in ${withinMs} ms`))),
        withinMs,
      );
      child.on("message", onMessage);
      child.on("exit", onExit);
    });
  }
}

/** Without what would instrument the tiers by itself. */
export function bareEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(OTEL|RETROSCOPE)_/.test(name));
  return { ...Object.fromEntries(kept), NODE_ENV: "production" };
}
