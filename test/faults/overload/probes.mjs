/** Those who keep the rules and want an answer, whatever the others do. */
import { Agent } from "node:http";
import { quantile, sleep } from "../agent/waiting.mjs";
import { ask } from "./ask.mjs";

const PROBE_MS = 25;

/** Asks now and then, over connections of its own, and keeps how long each answer took. */
export class Probes {
  #times = new Map();
  bad = new Map();
  #isOver = false;
  #running = [];

  constructor(port, paths) {
    for (const path of paths) this.#running.push(this.#probe(port, path));
  }

  async #probe(port, path) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const times = [];
    this.#times.set(path, times);
    while (!this.#isOver) {
      const start = performance.now();
      const { status } = await ask(port, path, { agent });
      times.push(performance.now() - start);
      if (status !== 200)
        this.bad.set(`${path} ${status}`, (this.bad.get(`${path} ${status}`) ?? 0) + 1);
      await sleep(PROBE_MS);
    }
    agent.destroy();
  }

  async end() {
    this.#isOver = true;
    await Promise.all(this.#running);
    const figures = {};
    for (const [path, times] of this.#times) {
      const at = (share) => Math.round(quantile(times, share) * 10) / 10;
      figures[path.split("?")[0]] = {
        count: times.length,
        p50: at(0.5),
        p99: at(0.99),
        max: at(1),
      };
    }
    return figures;
  }
}
