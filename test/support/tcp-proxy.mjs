/**
 * A TCP proxy that misbehaves on demand, seeded: it stands between agents and a collector in the fault
 * runs (test/faults/agent). What passes it is also read here, as HTTP, by code of its own: the ledger
 * learns from it which acknowledgements left the collector, and which bytes came twice.
 *
 *     client  ── tap requests ──▶ mode ──▶  collector
 *     client  ◀── mode ◀── tap replies ──   collector
 *
 * Modes (`set`); a new one holds for open connections too:
 *
 *     pass                          as if it were not there
 *     delay      ms, jitterMs       each piece, in order
 *     down                          nobody listens; open connections are reset
 *     blackhole                     accepted, read, never answered
 *     hold       up?, down?         a one-way partition: pieces wait until the next mode
 *     reset      maxByte            each connection is reset after a random number of bytes sent up
 *     halfClose  maxByte            the collector sees the end of the request too early
 *     swallow    chance             a reply that has left the collector never arrives; the connection is reset
 *     trickle    bytesPerSecond     both ways
 *     flip       up?, down?         chance for each byte to have one bit flipped
 */
import { connect, createServer } from "node:net";
import { HttpTap } from "./http-tap.mjs";

const TRICKLE_TICK_MS = 50;

export class TcpProxy {
  #random;
  #target;
  #server;
  #mode = { kind: "pass" };
  #connections = new Set();
  #onAcks;
  port = 0;
  /** One entry for each request whose head arrived: { atMs, path, bytes, body?, connection }. */
  requests = [];
  connectionTimes = [];
  maxOpen = 0;
  /** Keep the bodies of requests. */
  keepBodies = false;
  /** Told of all bytes that a client sent. */
  onBytes = () => undefined;
  counts = { resets: 0, swallowed: 0, flipped: 0, halfClosed: 0, refusedReplies: 0 };

  /** `onAcks(acks)`: acknowledgements that left the collector, delivered or not. */
  constructor({ random, targetPort, onAcks = () => undefined }) {
    this.#random = random;
    this.#target = targetPort;
    this.#onAcks = onAcks;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  get openCount() {
    return this.#connections.size;
  }

  set targetPort(port) {
    this.#target = port;
  }

  async listen() {
    const server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
    this.#server = server;
    await new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.port, "127.0.0.1", resolve);
    });
    this.port = server.address().port;
    return this;
  }

  /** Changes the mode; `down` ends listening, any other begins it again. */
  async set(mode) {
    this.#mode = mode;
    for (const connection of [...this.#connections]) connection.modeChanged();
    if (mode.kind === "down") await this.#deafen();
    else if (this.#server === undefined) await this.listen();
  }

  async close() {
    await this.#deafen();
  }

  /** Resets every open connection. */
  cut() {
    for (const connection of [...this.#connections]) connection.reset();
  }

  async #deafen() {
    const server = this.#server;
    this.#server = undefined;
    this.cut();
    if (server === undefined) return;
    await new Promise((resolve) => server.close(resolve));
  }

  #accept(client) {
    this.connectionTimes.push(performance.now());
    const connection = new Connection({
      client,
      mode: () => this.#mode,
      random: this.#random,
      counts: this.counts,
      target: this.#target,
      onBytes: (bytes) => this.onBytes(bytes),
      onRequest: (request) => {
        const { body, ...rest } = request;
        this.requests.push({
          atMs: performance.now(),
          ...rest,
          ...(this.keepBodies ? { body } : {}),
        });
      },
      onReply: ({ status, body }) => {
        if (status !== 200) this.counts.refusedReplies += 1;
        const acks = acksIn(body);
        if (acks.length > 0) this.#onAcks(acks);
      },
      onGone: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
    this.maxOpen = Math.max(this.maxOpen, this.#connections.size);
  }
}

function acksIn(body) {
  try {
    const { acks } = JSON.parse(body.toString("utf8"));
    return Array.isArray(acks) ? acks : [];
  } catch {
    return [];
  }
}

/** One client and the way to the collector that was opened for it. */
class Connection {
  #client;
  #upstream;
  #mode;
  #random;
  #counts;
  #onGone;
  #up;
  #down;
  /** Bytes still let through before a reset or a half-close. */
  #budget;
  #isGone = false;
  #isDead = false;

  constructor({ client, mode, random, counts, target, onBytes, onRequest, onReply, onGone }) {
    this.#client = client;
    this.#mode = mode;
    this.#random = random;
    this.#counts = counts;
    this.#onGone = onGone;
    this.#upstream = connect(target, "127.0.0.1");
    this.#up = new Pipe(this, this.#upstream, "up");
    this.#down = new Pipe(this, client, "down");
    this.#drawBudget();
    const requests = new HttpTap(onRequest);
    const replies = new HttpTap(onReply);
    client.on("data", (bytes) => {
      onBytes(bytes);
      requests.push(bytes);
      this.#sendUp(bytes);
    });
    this.#upstream.on("data", (bytes) => {
      replies.push(bytes);
      this.#sendDown(bytes);
    });
    client.on("end", () => this.#up.end());
    this.#upstream.on("end", () => this.#down.end());
    for (const socket of [client, this.#upstream]) {
      socket.setNoDelay(true);
      socket.on("error", () => this.reset());
      socket.on("close", () => this.#closed());
    }
  }

  get mode() {
    return this.#mode();
  }

  get random() {
    return this.#random;
  }

  get counts() {
    return this.#counts;
  }

  modeChanged() {
    this.#drawBudget();
    if (this.mode.kind === "down") this.reset();
    this.#up.pump();
    this.#down.pump();
  }

  reset() {
    for (const socket of [this.#client, this.#upstream]) {
      if (!socket.destroyed) socket.resetAndDestroy();
    }
    this.#closed();
  }

  #drawBudget() {
    const { kind, maxByte } = this.mode;
    const isLimited = kind === "reset" || kind === "halfClose";
    this.#budget = isLimited ? 1 + Math.floor(this.#random() * maxByte) : Number.POSITIVE_INFINITY;
  }

  #sendUp(bytes) {
    if (this.#isSwallowed()) return;
    if (bytes.length < this.#budget) {
      this.#budget -= bytes.length;
      this.#up.push(bytes);
      return;
    }
    this.#up.push(bytes.subarray(0, this.#budget));
    const { kind } = this.mode;
    this.#budget = Number.POSITIVE_INFINITY;
    if (kind === "halfClose") {
      this.#counts.halfClosed += 1;
      this.#up.end();
      return;
    }
    this.#counts.resets += 1;
    // Its first part may arrive; then both sides see the reset.
    setImmediate(() => this.reset());
  }

  /** What fell into a black hole leaves a hole in the stream: nothing of this connection passes after it. */
  #isSwallowed() {
    this.#isDead ||= this.mode.kind === "blackhole";
    return this.#isDead;
  }

  #sendDown(bytes) {
    if (this.#isSwallowed()) return;
    const { kind, chance } = this.mode;
    if (kind === "swallow" && this.#random() < chance) {
      this.#counts.swallowed += 1;
      this.reset();
      return;
    }
    this.#down.push(bytes);
  }

  #closed() {
    if (this.#isGone || !this.#client.destroyed) return;
    this.#isGone = true;
    this.#up.stop();
    this.#down.stop();
    if (!this.#upstream.destroyed) this.#upstream.destroy();
    this.#onGone();
  }
}

/** One direction: pieces in order, as fast as the mode lets them. */
class Pipe {
  #connection;
  #socket;
  #direction;
  #pieces = [];
  #timer;
  #isEnded = false;
  #isStopped = false;

  constructor(connection, socket, direction) {
    this.#connection = connection;
    this.#socket = socket;
    this.#direction = direction;
  }

  push(bytes) {
    const { mode, random } = this.#connection;
    const waitMs = mode.kind === "delay" ? mode.ms + random() * (mode.jitterMs ?? 0) : 0;
    this.#pieces.push({ bytes, dueMs: performance.now() + waitMs });
    this.pump();
  }

  end() {
    this.#isEnded = true;
    this.pump();
  }

  stop() {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#pieces = [];
  }

  pump() {
    clearTimeout(this.#timer);
    const { mode } = this.#connection;
    if (this.#isStopped) return;
    if (mode.kind === "hold" && mode[this.#direction] === true) return;
    while (this.#pieces.length > 0) {
      const [piece] = this.#pieces;
      const waitMs = piece.dueMs - performance.now();
      if (mode.kind === "delay" && waitMs > 0) {
        this.#timer = setTimeout(() => this.pump(), waitMs);
        return;
      }
      if (mode.kind === "trickle") {
        const count = Math.max(1, Math.floor((mode.bytesPerSecond * TRICKLE_TICK_MS) / 1_000));
        this.#write(piece.bytes.subarray(0, count));
        if (piece.bytes.length > count) piece.bytes = piece.bytes.subarray(count);
        else this.#pieces.shift();
        this.#timer = setTimeout(() => this.pump(), TRICKLE_TICK_MS);
        return;
      }
      this.#pieces.shift();
      this.#write(piece.bytes);
    }
    if (this.#isEnded && !this.#socket.writableEnded) this.#socket.end();
  }

  #write(bytes) {
    const { mode, random, counts } = this.#connection;
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    const chance = mode.kind === "flip" ? (mode[this.#direction] ?? 0) : 0;
    this.#socket.write(chance === 0 ? bytes : flipped(bytes, chance, random, counts));
  }
}

/** A copy with some bits flipped; gaps between them are drawn, so that a rare flip costs nothing. */
function flipped(bytes, chance, random, counts) {
  const copy = Buffer.from(bytes);
  const gap = () => Math.floor(Math.log(1 - random()) / Math.log(1 - chance));
  for (let at = gap(); at < copy.length; at += 1 + gap()) {
    copy[at] ^= 1 << Math.floor(random() * 8);
    counts.flipped += 1;
  }
  return copy;
}
