/**
 * The stage of one row: a collector as a user starts it, writers that keep their own books, and the
 * verdict. Everything is ended and removed when the row is over.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Verdict } from "../agent/checker.mjs";
import { CollectorProcess } from "../agent/collector-process.mjs";
import { ticksOfHex, ticksOfMs } from "../agent/stamps.mjs";
import { sleep, until, within } from "../agent/waiting.mjs";
import { Book } from "./book.mjs";
import { judge } from "./judge.mjs";
import { Writer } from "./writer.mjs";

export const MAIN = new URL("../../../dist/collector/main.js", import.meta.url).pathname;
const AN_HOUR_MS = 3_600_000;

export class Stage {
  verdict = new Verdict();
  directory = mkdtempSync(join(tmpdir(), "retroscope-store-faults-"));
  collector;
  writers = [];
  #random;
  #closers = [];
  #offs = [];
  #storeCount = 0;

  constructor(random) {
    this.#random = random;
  }

  get books() {
    return this.writers.map(({ book }) => book);
  }

  get acknowledged() {
    return this.books.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
  }

  /** A new, empty store and writers that know nothing of it. Starts nothing. */
  newStore({ nodes = 4, directory, ...options } = {}) {
    for (const writer of this.writers) writer.close();
    this.#storeCount += 1;
    this.collector = new CollectorProcess(directory ?? this.path(`store-${this.#storeCount}`));
    this.newWriters({ nodes, ...options });
    return this;
  }

  /** Writers of nodes not known so far, on the same store. */
  newWriters({ nodes = 4, prefix = "n", add = false, ...options } = {}) {
    const start = ticksOfMs(Date.now() - AN_HOUR_MS);
    const made = Array.from({ length: nodes }, (_, i) => {
      const index = this.writers.length + i;
      const book = new Book({ node: `${prefix}${index}`, index, start });
      return new Writer({ book, random: this.#random, ...options });
    });
    this.writers = add ? [...this.writers, ...made] : made;
    return made;
  }

  path(name) {
    return join(this.directory, name);
  }

  folder(name) {
    mkdirSync(this.path(name), { recursive: true });
    return this.path(name);
  }

  onClose(run) {
    this.#closers.push(run);
  }

  promise(holds, what, detail = "") {
    if (!holds) this.verdict.fail(what, detail);
    return holds;
  }

  escapes() {
    return (this.collector?.escapes ?? []).map((detail) => ({ what: "collector ended", detail }));
  }

  /** Lets all writers send; the result stops them and waits for their last replies. */
  load(writers = this.writers) {
    let isOn = true;
    this.#offs.push(() => {
      isOn = false;
    });
    const running = writers.map((writer) =>
      writer.run(
        () => this.collector.port,
        () => isOn,
      ),
    );
    return async () => {
      isOn = false;
      await within("the writers end", Promise.all(running), 70_000);
    };
  }

  async loadFor(ms, writers) {
    const stop = this.load(writers);
    await sleep(ms);
    await stop();
  }

  async drain(limitMs) {
    const done = await Promise.all(
      this.writers.map((writer) => writer.drain(() => this.collector.port, limitMs)),
    );
    this.promise(done.every(Boolean), "not drained", this.#standing());
  }

  /** Waits until the writers have had so many more events acknowledged. */
  async untilAcknowledged(more, limitMs = 20_000) {
    const goal = this.acknowledged + more;
    await until(`${more} events acknowledged`, () => this.acknowledged >= goal, limitMs, 5);
  }

  #standing() {
    return this.books.map((one) => `${one.node} ${one.acknowledged} of ${one.recorded}`).join(", ");
  }

  /** What was acknowledged must stand at once after a start: the watermark says so without reading. */
  async judgeWatermarks() {
    const { nodes } = await this.collector.get("/api/nodes");
    for (const book of this.books) {
      if (book.acknowledged === 0) continue;
      const known = nodes.find(({ node }) => node === book.node);
      const seq = known?.watermark ? book.seqAt(ticksOfHex(known.watermark.hlc)) : 0;
      const detail = `${book.node}: watermark at seq ${seq}, acknowledged ${book.acknowledged}`;
      this.promise(seq >= this.#provable(book), "loss", detail);
    }
  }

  /** A drop is acknowledged with the keyframe behind it, not by itself. */
  #provable(book) {
    return book.isDropped(book.acknowledged)
      ? book.dropFrom(book.acknowledged).first - 1
      : book.acknowledged;
  }

  async judge(options = {}) {
    const { verdict, books, collector } = this;
    for (const { what, detail } of this.escapes()) verdict.fail(what, detail);
    for (const { unclear, book } of this.writers)
      if (unclear.length > 0)
        verdict.fail("unclear refusal", `${book.node}: ${unclear.slice(0, 3)}`);
    await judge({ verdict, books, collector, random: this.#random, ...options });
  }

  /** Stops the collector and lets `retroscope verify` walk what it left. */
  async verify() {
    await this.collector.stop();
    const report = await runVerify(this.collector.directory);
    this.promise(
      report.code === 0,
      "verify found damage",
      JSON.stringify(report.damage?.slice(0, 3) ?? report),
    );
    return report;
  }

  async close() {
    for (const off of this.#offs) off();
    for (const writer of this.writers) writer.close();
    await this.collector?.stop("SIGKILL").catch(() => {});
    for (const run of this.#closers.reverse()) await run();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** `retroscope verify --json` of a directory: its report, with the exit code as `code`. */
export async function runVerify(directory, limitMs = 120_000) {
  const { code, signal, out, err } = await runMain(
    ["verify", "--data", directory, "--json"],
    limitMs,
  );
  try {
    return { ...JSON.parse(out), code };
  } catch {
    return {
      code: code ?? signal,
      err,
      damage: [{ detail: `no report: ${code ?? signal} ${err}` }],
    };
  }
}

/** Runs a command of ours to its end. */
export async function runMain(words, limitMs) {
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    err = (err + text).slice(-10_000);
  });
  const ended = new Promise((resolve) =>
    child.once("close", (code, signal) => resolve({ code, signal, out, err })),
  );
  try {
    return await within(words.join(" "), ended, limitMs);
  } finally {
    child.kill("SIGKILL");
  }
}
