/**
 * The evaluating thread: one job at a time, then the next. Loaded by worker-threads.ts, and by nobody else.
 *
 * An adapter: it reads the clock of its thread.
 */
import { type MessagePort, parentPort } from "node:worker_threads";
import type { ResultLine } from "../interpret/lines.ts";
import { Evaluation, writeLines } from "./evaluation.ts";
import { type FromThread, jobFrom, stepsFrom, type ToThread } from "./job-messages.ts";

class Thread {
  readonly #port: MessagePort;
  #evaluation: Evaluation | undefined;
  /** Commands are done one after the other. */
  #last: Promise<void> = Promise.resolve();
  #taken: () => void = () => {};

  constructor(port: MessagePort) {
    this.#port = port;
    port.on("message", (message: ToThread) => this.#receive(message));
  }

  #receive(message: ToThread): void {
    if (message.kind === "taken") {
      this.#taken();
      return;
    }
    this.#last = this.#last
      .then(() => this.#do(message))
      .catch((error: unknown) => this.#fail(error));
  }

  async #do(message: Exclude<ToThread, { kind: "taken" }>): Promise<void> {
    if (message.kind === "start") {
      const flag = new Int32Array(message.cancelled);
      this.#evaluation = new Evaluation(jobFrom(message.job), {
        elapsedMs: () => performance.now(),
        isCancelled: () => Atomics.load(flag, 0) !== 0,
      });
    }
    const evaluation = this.#evaluation;
    if (evaluation === undefined) throw new Error("no job has started");
    if (message.kind === "start") await this.#write(evaluation.begin());
    else if (message.kind === "take") {
      await this.#write(evaluation.take(stepsFrom(message.steps), message.resumes));
    } else if (message.kind === "pass") await this.#write(evaluation.pass(message.result));
    else if (message.kind === "finish") await this.#write(evaluation.finish());
    else await this.#write(evaluation.fail(message.failure));
    this.#say({ kind: "done", state: evaluation.state });
  }

  #write(lines: Iterable<ResultLine>): Promise<void> {
    return writeLines(lines, (text) => {
      this.#say({ kind: "lines", text });
      return new Promise((resolve) => {
        this.#taken = resolve;
      });
    });
  }

  #fail(error: unknown): void {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#say({ kind: "broken", message });
  }

  #say(message: FromThread): void {
    this.#port.postMessage(message);
  }
}

if (parentPort !== null) new Thread(parentPort);
