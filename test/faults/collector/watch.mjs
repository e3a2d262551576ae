/** Looks at a collector while it is under a fault: how soon it answers, how much memory it takes. */
import { readFileSync } from "node:fs";
import { sleep } from "../agent/waiting.mjs";

const EVERY_MS = 50;

export class Watch {
  #collector;
  #path;
  #isOn = false;
  #running;
  #answerMs = [];
  #maxRssBytes = 0;
  #failures = [];
  #statuses = new Map();

  /** @param path what is asked, again and again */
  constructor(collector, path = "/api/nodes") {
    this.#collector = collector;
    this.#path = path;
  }

  start() {
    this.#isOn = true;
    this.#running = this.#run();
    return this;
  }

  /** What was seen: answers' times, the most memory, statuses, and questions without an answer. */
  async stop() {
    this.#isOn = false;
    await this.#running;
    return {
      answerMs: this.#answerMs,
      maxRssBytes: this.#maxRssBytes,
      failures: this.#failures,
      statuses: this.#statuses,
    };
  }

  async #run() {
    while (this.#isOn) {
      const start = performance.now();
      try {
        const { httpStatus } = await this.#collector.get(this.#path);
        this.#statuses.set(httpStatus, (this.#statuses.get(httpStatus) ?? 0) + 1);
        this.#answerMs.push(performance.now() - start);
      } catch (error) {
        this.#failures.push(String(error));
      }
      this.#maxRssBytes = Math.max(this.#maxRssBytes, rssOf(this.#collector.pid));
      await sleep(EVERY_MS);
    }
  }
}

/** Resident memory of a process, the files that it maps left out; 0 if it is gone. */
export function rssOf(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
}
