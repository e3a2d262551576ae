/**
 * A scene: a collector, a proxy before it, hosts, a ledger and a judge, with everything ended and removed
 * when the row is over. A row sets it, lets faults happen, heals, and asks for the verdict.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TcpProxy } from "../../support/tcp-proxy.mjs";
import { check, cutAt, Verdict } from "./checker.mjs";
import { CollectorProcess } from "./collector-process.mjs";
import { HostProcess } from "./host-process.mjs";
import { Ledger } from "./ledger.mjs";
import { TICKS_PER_MS, ticksOfMs } from "./stamps.mjs";
import { sleep, until } from "./waiting.mjs";

/** After losses that went on, the next keyframe may be 30 s away. */
const COMPLETE_MS = 45_000;
/** An idle agent's word of how far it is arrives each second, and may be held for one more. */
const AGO_MS = 2_500;

export class Scene {
  ledger = new Ledger();
  verdict = new Verdict();
  hosts = [];
  askedCuts = [];
  collector;
  proxy;
  directory = mkdtempSync(join(tmpdir(), "retroscope-faults-"));
  #random;
  #watching;
  #closers = [];

  constructor(random) {
    this.#random = random;
  }

  async open({ env } = {}) {
    this.collector = new CollectorProcess(this.path("collector"), env);
    await this.collector.start();
    this.proxy = await this.newProxy();
    return this;
  }

  async newProxy(targetPort = this.collector.port) {
    const proxy = new TcpProxy({
      random: this.#random,
      targetPort,
      onAcks: this.ledger.acknowledged,
    });
    this.onClose(() => proxy.close());
    return proxy.listen();
  }

  path(name) {
    return join(this.directory, name);
  }

  /** A directory of its own in the scene's. */
  folder(name) {
    mkdirSync(this.path(name), { recursive: true });
    return this.path(name);
  }

  onClose(run) {
    this.#closers.push(run);
  }

  /** Settings of the agent beside name and collector go in `agent`. */
  async host({ name, agent = {}, ...rest }) {
    const settings = { service: "faults", node: name, collector: this.proxy.url, ...agent };
    const host = await HostProcess.start({ ledger: this.ledger, name, agent: settings, ...rest });
    this.hosts.push(host);
    return host;
  }

  /** Asks for a cut of a second ago again and again, while faults are on; judged at the end. */
  watch(everyMs = 500) {
    let isOn = true;
    this.#watching = (async () => {
      while (isOn) {
        const t = ticksOfMs(Date.now() - 1_000) + Math.floor(this.#random() * TICKS_PER_MS);
        const answer = await cutAt(this.collector, t).catch(() => undefined);
        if (answer !== undefined) this.askedCuts.push(answer);
        await sleep(everyMs);
      }
    })();
    return async () => {
      isOn = false;
      await this.#watching;
    };
  }

  promise(holds, what, detail = "") {
    if (!holds) this.verdict.fail(what, detail);
  }

  /** What broke out of hosts so far: for a row that broke off. */
  escapes() {
    return this.hosts.flatMap(({ escapes, life }) =>
      escapes.map((what) => ({ what: "escaped into the host", detail: `${life.name}: ${what}` })),
    );
  }

  /** Stops the load, drains, closes every host that still lives, and waits for cuts to be complete. */
  async settle({ drainMs = 20_000, complete = true } = {}) {
    const alive = this.hosts.filter(({ life }) => !life.isEnded);
    for (const host of alive) await host.load(0, 0);
    for (const host of alive) {
      const stats = await host.drain(drainMs);
      this.promise(
        stats.queued === 0,
        "not drained",
        `${host.life.name}: ${stats.queued} after ${drainMs} ms`,
      );
    }
    if (complete) for (const { life } of alive) await this.#untilComplete(life);
    for (const host of alive) await host.close();
  }

  /** A healed system must call the present complete again, whatever it lost before. */
  async #untilComplete(life) {
    if (life.bursts.length === 0) return;
    let reasons;
    const ask = async () => {
      const t = ticksOfMs(Date.now() - AGO_MS);
      // A young history may not have begun by then: no answer yet.
      const { incomplete } = await cutAt(this.collector, t).catch(() => ({
        incomplete: undefined,
      }));
      if (incomplete === undefined) return false;
      reasons = incomplete.filter(({ node }) => node === life.node);
      return reasons.length === 0;
    };
    try {
      await until("complete", ask, COMPLETE_MS, 200);
    } catch (error) {
      reasons ??= error;
      this.verdict.fail(
        "never complete again",
        `${life.name}: ${JSON.stringify(reasons.slice?.(-2) ?? String(reasons))}`,
      );
    }
  }

  /** Reads back and judges. */
  async judge({ mayStoreDropped = false } = {}) {
    const { verdict, ledger, collector, askedCuts } = this;
    for (const host of this.hosts)
      for (const what of host.escapes)
        verdict.fail("escaped into the host", `${host.life.name}: ${what}`);
    for (const what of collector.escapes) verdict.fail("collector ended", what);
    this.stored = await check({
      verdict,
      ledger,
      collector,
      random: this.#random,
      mayStoreDropped,
      askedCuts,
    });
    return verdict;
  }

  async close() {
    for (const host of this.hosts) await host.kill();
    for (const run of this.#closers.reverse()) await run();
    await this.collector?.stop().catch(() => this.collector.stop("SIGKILL"));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
