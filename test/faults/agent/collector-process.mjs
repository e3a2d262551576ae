/** A real collector, as a user starts it; stopped, killed and started again on its data and its port. */
import { spawn } from "node:child_process";
import { request } from "node:http";
import { within } from "./waiting.mjs";

const MAIN = new URL("../../../dist/collector/main.js", import.meta.url).pathname;

export class CollectorProcess {
  port = 0;
  stderr = "";
  stdout = "";
  #directory;
  #env;
  #child;
  #gone;
  #mayEnd = false;
  escapes = [];

  /** How it is started: a command before Node, flags of Node, options of the collector. */
  how = { before: [], node: [], options: [] };
  /** What the last one ended with: `{ code, signal }`, once it has. */
  ended;

  constructor(directory, env = {}) {
    this.#directory = directory;
    this.#env = env;
  }

  get directory() {
    return this.#directory;
  }

  get pid() {
    return this.#child.pid;
  }

  async start(env = this.#env) {
    this.#env = env;
    this.#mayEnd = false;
    this.ended = undefined;
    const { before, node, options } = this.how;
    const own = ["collector", "--port", String(this.port), "--data", this.#directory, ...options];
    const words = [...before, process.execPath, ...node, MAIN, ...own];
    const child = spawn(words[0], words.slice(1), {
      env: { PATH: process.env.PATH ?? "", TZ: "UTC", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    let text = "";
    const listens = new Promise((resolve, reject) => {
      child.stdout.on("data", (part) => {
        text += String(part);
        const found = /open http:\/\/127\.0\.0\.1:(\d+)/.exec(text);
        if (found) resolve(Number(found[1]));
        this.stdout = text.slice(-1_000_000);
      });
      child.once("close", () => reject(new Error(`the collector did not start: ${this.stderr}`)));
    });
    child.stderr.on("data", (part) => {
      this.stderr = (this.stderr + String(part)).slice(-100_000);
    });
    this.#gone = new Promise((resolve) =>
      child.once("exit", (code, signal) => {
        this.ended = { code, signal };
        if (!this.#mayEnd) this.escapes.push(`collector ended: ${code ?? signal} ${this.stderr}`);
        resolve();
      }),
    );
    this.port = await within("the collector starts", listens, 30_000);
    return this;
  }

  /** Says that its end is part of the plan. Resolves when it has ended. */
  expectEnd() {
    this.#mayEnd = true;
    return this.#gone;
  }

  /** `SIGTERM` unless told. */
  async stop(signal = "SIGTERM") {
    this.#mayEnd = true;
    if (this.#child?.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal);
    await within("the collector ends", this.#gone, 30_000);
  }

  /** GET; the JSON of any status, with the status as `status`. */
  get(path) {
    return new Promise((resolve, reject) => {
      const sent = request(
        { host: "127.0.0.1", port: this.port, path, timeout: 30_000 },
        (response) => {
          const parts = [];
          response.on("data", (part) => parts.push(part));
          response.once("error", reject);
          response.once("end", () => {
            try {
              const body = JSON.parse(Buffer.concat(parts).toString("utf8"));
              resolve({ ...body, httpStatus: response.statusCode });
            } catch (error) {
              reject(error);
            }
          });
        },
      );
      sent.once("timeout", () => sent.destroy(new Error(`no answer: ${path}`)));
      sent.once("error", reject);
      sent.end();
    });
  }

  /** All events of a node, as the API gives them. */
  async *events(node, extra = "") {
    let cursor = "";
    for (;;) {
      const path = `/api/events?limit=10000&node=${encodeURIComponent(node)}${extra}${cursor}`;
      const page = await this.get(path);
      if (page.error?.code === "unknown-node") return; // nothing of it ever arrived
      if (page.httpStatus !== 200) throw new Error(`${path}: ${JSON.stringify(page.error)}`);
      yield* page.events;
      if (page.next === undefined) return;
      cursor = `&cursor=${encodeURIComponent(page.next)}`;
    }
  }
}
