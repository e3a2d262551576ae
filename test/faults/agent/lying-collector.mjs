/**
 * A collector that answers, and lies: acknowledgements of what nobody sent, of nothing, of every shape;
 * bodies that are no JSON, endless, cut off; commands with absurd numbers. It never says that it stored what
 * was really sent: that lie nobody could find out.
 */
import { createServer } from "node:http";
import { pick } from "./seeded.mjs";

const MAX = Number.MAX_SAFE_INTEGER;
const NODES = ["idle", "hit", "nobody", 7, null];

export class LyingCollector {
  count = 0;
  port = 0;
  #random;
  #server;
  #withCommands;

  constructor(random, { withCommands = false } = {}) {
    this.#random = random;
    this.#withCommands = withCommands;
  }

  async listen() {
    this.#server = createServer((incoming, response) => {
      incoming.on("error", () => undefined);
      incoming.resume();
      incoming.once("end", () => this.#lie(response));
    });
    this.#server.listen(0, "127.0.0.1");
    await new Promise((resolve) => this.#server.once("listening", resolve));
    this.port = this.#server.address().port;
    return this;
  }

  close() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  #lie(response) {
    this.count += 1;
    const text = pick(
      this.#random,
      this.#withCommands ? [() => this.#commands()] : this.#answers(),
    )();
    const cut = this.#random() < 0.1;
    response.writeHead(200, {
      "content-type": "application/json",
      ...(cut ? { "content-length": Buffer.byteLength(text) + 100 } : {}),
    });
    response.end(text);
    if (cut) setTimeout(() => response.destroy(), 20);
  }

  #answers() {
    const node = pick(this.#random, NODES);
    const ack = { node, epoch: MAX, firstSeq: 1, lastSeq: MAX, storedCount: -1 };
    const known = { epoch: MAX, t: "ffffffffffffffff" };
    const texts = [
      { acks: [], commands: [] },
      { acks: [ack], commands: [] },
      { acks: [{ ...ack, known, conflict: true }] },
      { acks: [null, 7, "ack", [], { node: {} }], commands: 7 },
      { acks: { length: 2 ** 31 } },
      { acks: Array.from({ length: 5_000 }, (_, i) => ({ ...ack, firstSeq: i, lastSeq: i })) },
      null,
      [],
      "ok",
      { error: { code: "bad-batch", message: "but 200" } },
    ].map((answer) => () => JSON.stringify(answer));
    return [
      ...texts,
      () => this.#commands(),
      () => "<html>ok</html>",
      () => "",
      () => "x".repeat(2 ** 21),
    ];
  }

  #commands() {
    const numbers = [MAX, MAX - 1, -1, 0.5, 1e300, "7", null];
    const number = () => pick(this.#random, numbers);
    const node = this.#random() < 0.7 ? "idle" : pick(this.#random, NODES);
    const commands = [
      {
        command: "rejoin",
        node,
        aboveEpoch: number(),
        aboveT: "ffffffffffffffff",
        reason: "not-above",
      },
      { command: "rejoin", node, aboveEpoch: number(), aboveT: null },
      { command: "slow", node, intervalMs: number() },
      { command: "poll", node, forMs: number() },
      { command: "keyframe", node, logs: pick(this.#random, [null, ["load"], [7], "load", [{}]]) },
      { command: "window", node, id: "c", from: "0", to: "ffffffffffffffff" },
      { command: "exec", node, run: "process.exit(1)" },
      { command: "__proto__", node },
      null,
      7,
    ];
    const asked = Array.from({ length: 1 + Math.floor(this.#random() * 5) }, () =>
      pick(this.#random, commands),
    );
    return JSON.stringify({ acks: [], commands: asked });
  }
}
