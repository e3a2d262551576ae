/** A host as the run sees it: started, told what to do, listened to, ended by its process id. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { within } from "./waiting.mjs";

const HOST = new URL("./host.mjs", import.meta.url).pathname;
const ANSWER_MS = 60_000;
const MAX_STDERR = 64 * 1024;

export class HostProcess {
  life;
  stderr = "";
  /** What escaped the agent, or ended the host before its time. */
  escapes = [];
  ended;
  #child;
  #answers = new Map();
  #nextId = 1;
  #mayEnd = false;

  /** `agent`: settings; `ports`: broken ones by name; `env`, `flags`: of the process. */
  static async start({ ledger, name, keys = 20, firstN = 1, env = {}, flags = [], ...spec }) {
    const host = new HostProcess();
    host.life = ledger.newLife({ name, keys, firstN });
    const child = spawn(process.execPath, [...flags, HOST], {
      env: {
        PATH: process.env.PATH ?? "",
        TZ: "UTC",
        ...env,
        FAULTS_HOST: JSON.stringify({ keys, firstN, ...spec }),
      },
      stdio: ["pipe", "ignore", "pipe", "pipe"],
    });
    host.#child = child;
    child.stderr.on("data", (part) => {
      if (host.stderr.length < MAX_STDERR) host.stderr += String(part);
    });
    child.stdin.on("error", () => undefined);
    const lines = createInterface({ input: child.stdio[3] });
    const ready = new Promise((resolve) => host.#answers.set(0, { resolve, reject: resolve }));
    lines.on("line", (line) => host.#hear(line));
    host.ended = new Promise((resolve) =>
      child.once("close", (code, signal) => {
        if (!host.#mayEnd)
          host.escapes.push(`ended with ${code ?? signal}: ${host.stderr.slice(-600)}`);
        host.life.isEnded = true;
        for (const { reject } of host.#answers.values()) reject(new Error(`${name} has ended`));
        resolve({ code, signal });
      }),
    );
    await within(`${name} starts`, ready, ANSWER_MS);
    if (host.escapes.length > 0) throw new Error(`${name} did not start: ${host.escapes[0]}`);
    return host;
  }

  get pid() {
    return this.#child.pid;
  }

  get node() {
    return this.life.node;
  }

  ask(name, options = {}, timeoutMs = ANSWER_MS) {
    const id = this.#nextId++;
    const answer = new Promise((resolve, reject) => this.#answers.set(id, { resolve, reject }));
    this.#child.stdin.write(`${JSON.stringify({ id, name, ...options })}\n`);
    return within(`${this.life.name} does ${name}`, answer, timeoutMs);
  }

  load(count, everyMs) {
    return this.ask("load", { count, everyMs });
  }

  async stats() {
    const stats = await this.ask("stats");
    this.life.stats = stats;
    this.life.extraCount = stats.extraCount;
    return stats;
  }

  async drain(timeoutMs = 15_000) {
    this.life.stats = await this.ask("drain", { timeoutMs });
    return this.life.stats;
  }

  /** Closes the agent, keeps its last word, and ends the process. */
  async close() {
    this.life.stats = await this.ask("close");
    await this.end();
    return this.life.stats;
  }

  /** No more commands: the process ends by itself. */
  async end() {
    this.#mayEnd = true;
    this.#child.stdin.end();
    await within(`${this.life.name} ends`, this.ended, ANSWER_MS);
  }

  async kill() {
    if (this.life.isEnded) return;
    this.#mayEnd = true;
    this.life.isKilled = true;
    this.#child.kill("SIGKILL");
    await this.ended;
  }

  signal(name) {
    this.#child.kill(name);
  }

  #hear(line) {
    const [kind, ...words] = line.split(" ");
    const [first, count, firstT, lastT] = words.map(Number);
    if (kind === "b") this.life.begin(first, count);
    else if (kind === "e") this.life.end(first, count, firstT, lastT);
    else if (kind === "i")
      this.life.epochs.push({ afterN: first, node: words[1], epoch: Number(words[2]) });
    else if (kind === "x") this.escapes.push(words.join(" ").slice(0, 1_000));
    else if (kind === "r") {
      const id = Number(words[0]);
      const waiting = this.#answers.get(id);
      this.#answers.delete(id);
      waiting?.resolve(JSON.parse(words.slice(1).join(" ")));
    }
  }
}
