/**
 * The network: requests to the collector and messages between nodes are delayed, dropped, repeated,
 * reordered, cut off and corrupted, as the scenario says. Once `isCalm`, everything arrives.
 */
import type { SendOptions, Transport, TransportReply } from "../../agent/shipping/transport.ts";
import type { Chance } from "./chance.ts";
import type { Counts } from "./counts.ts";
import type { Ledger } from "./ledger.ts";
import type { Scenario } from "./scenario.ts";
import type { SimCollector } from "./sim-collector.ts";
import type { VirtualTime } from "./virtual-time.ts";

export const COLLECTOR = "collector";
/** A late copy of a request arrives within this. */
const LATEST_MS = 8_000;
/** Larger bodies are refused where the scenario has a small limit. */
const SMALL_BODY_BYTES = 2_000;

/** Whoever sends: replies to one that is gone are dropped. */
export interface Sender {
  readonly machine: string;
  readonly isAlive: boolean;
  /** Looks whether its agent has opened a further epoch. Called when it may have: after replies and timers. */
  readonly noticeEpoch: () => void;
}

export class SimNetwork {
  isCalm = false;
  #isClosed = false;
  #answering = 0;
  readonly #time: VirtualTime;
  readonly #scenario: Scenario;
  readonly #chance: Chance;
  readonly #counts: Counts;
  readonly #ledger: Ledger;
  readonly #collector: SimCollector;
  /** Pairs that cannot reach each other, by `from>to`, until when. */
  readonly #cutOff = new Map<string, number>();
  /** Requests sent under faults, and not answered yet, by machine. */
  readonly #waiting = new Map<string, number>();

  constructor(
    time: VirtualTime,
    scenario: Scenario,
    chance: Chance,
    counts: Counts,
    ledger: Ledger,
    collector: SimCollector,
  ) {
    this.#time = time;
    this.#scenario = scenario;
    this.#chance = chance;
    this.#counts = counts;
    this.#ledger = ledger;
    this.#collector = collector;
  }

  /** Nothing goes from one to the other for so long. */
  cutOff(from: string, to: string, ms: number): void {
    this.#cutOff.set(`${from}>${to}`, this.#time.nowMs + ms);
    this.#counts.add("network: partition");
  }

  /** Nothing arrives at the collector any more. */
  close(): void {
    this.#isClosed = true;
  }

  calm(): void {
    this.isCalm = true;
    this.#cutOff.clear();
  }

  canReach(from: string, to: string): boolean {
    return this.#time.nowMs >= (this.#cutOff.get(`${from}>${to}`) ?? 0);
  }

  /** Carries a message between two nodes: no, one or several arrivals. */
  carry(from: string, to: string, arrive: () => void): void {
    const { messageLost, messageRepeated, messageSlow, messageTimeoutMs } = this.#scenario;
    const chance = this.#chance;
    if (!this.isCalm && (chance.isTrue(messageLost) || !this.canReach(from, to))) {
      this.#counts.add("message: lost");
      return;
    }
    const isSlow = !this.isCalm && chance.isTrue(messageSlow);
    if (isSlow) this.#counts.add("message: slow");
    const slowMs = chance.isTrue(0.2) ? 1.3 * messageTimeoutMs : 3_000;
    const ms = isSlow ? chance.between(200, slowMs) : this.#hop();
    this.#time.after(ms, arrive);
    if (this.isCalm || !chance.isTrue(messageRepeated)) return;
    this.#counts.add("message: repeated");
    this.#time.after(ms + chance.between(0, 2_000), arrive);
  }

  transportOf(sender: Sender): Transport {
    return {
      target: COLLECTOR,
      send: (batches, options) => this.#request(sender, joined(batches), options),
      close: () => undefined,
    };
  }

  /** Whether a request that a fault may have swallowed still keeps the machine waiting. */
  isWaiting(machine: string): boolean {
    return (this.#waiting.get(machine) ?? 0) > 0;
  }

  /** Whether the collector has requests that it has not answered: what they bring may still be stored. */
  get isAnswering(): boolean {
    return this.#answering > 0;
  }

  #request(sender: Sender, body: Uint8Array, options: SendOptions): Promise<TransportReply> {
    this.#counts.add("requests");
    const mayWait = this.isCalm || options.holdMs > 0 ? 0 : 1;
    this.#waits(sender.machine, mayWait);
    return new Promise((resolve) => {
      let isSettled = false;
      const settle = (reply: TransportReply, delayMs: number): void => {
        this.#time.after(delayMs, () => {
          if (isSettled) return;
          isSettled = true;
          this.#waits(sender.machine, -mayWait);
          if (!sender.isAlive) return;
          resolve(reply);
          this.#time.after(0, sender.noticeEpoch);
        });
      };
      const fate = this.#fateOf(body);
      if (fate !== "ok") this.#counts.add(`request: ${fate}`);
      if (fate !== "neverAnswered") {
        settle(failed("timed out"), options.timeoutMs + options.holdMs);
      }
      const answered = (reply: TransportReply): void => settle(reply, this.#hop());
      switch (fate) {
        case "lost":
          return;
        case "refused":
          answered({ kind: "failed", retryAfterMs: this.#retryAfter(), message: "429" });
          return;
        case "tooLarge":
          answered({ kind: "too-large" });
          return;
        case "reset":
          settle(failed("ECONNRESET"), this.#hop());
          if (this.#chance.isTrue(0.5)) this.#deliver(sender, body, options, this.#hop());
          return;
        case "replyLost":
        case "neverAnswered":
          this.#deliver(sender, body, options, this.#hop());
          return;
        case "late":
          this.#deliver(sender, body, options, this.#chance.between(100, LATEST_MS));
          if (this.#chance.isTrue(0.5)) settle(failed("ECONNRESET"), this.#hop());
          return;
        case "corrupted":
          this.#deliver(sender, this.#corrupted(body), options, this.#hop(), answered);
          return;
        case "repeated":
          this.#deliver(sender, body, options, this.#hop(), answered);
          this.#deliver(sender, body, options, this.#chance.between(0, LATEST_MS));
          return;
        default:
          this.#deliver(sender, body, options, this.#hop(), answered);
      }
    });
  }

  #fateOf(body: Uint8Array): keyof Scenario["requests"] | "ok" {
    if (this.isCalm) return "ok";
    const faults = this.#scenario.requests;
    for (const fate of [
      "lost",
      "replyLost",
      "reset",
      "repeated",
      "late",
      "refused",
      "corrupted",
      "neverAnswered",
    ] as const) {
      if (this.#chance.isTrue(faults[fate])) return fate;
    }
    const isLarge = body.length > SMALL_BODY_BYTES;
    return isLarge && this.#chance.isTrue(10 * faults.tooLarge) ? "tooLarge" : "ok";
  }

  #waits(machine: string, change: number): void {
    this.#waiting.set(machine, (this.#waiting.get(machine) ?? 0) + change);
  }

  #deliver(
    sender: Sender,
    body: Uint8Array,
    { holdMs }: SendOptions,
    delayMs: number,
    answered?: (reply: TransportReply) => void,
  ): void {
    this.#time.after(delayMs, () => {
      if (this.#isClosed) return;
      if (!this.canReach(sender.machine, COLLECTOR)) {
        this.#counts.add("request: behind a partition");
        return;
      }
      if (!this.#collector.isUp) {
        this.#counts.add("request: collector down");
        answered?.(failed("ECONNREFUSED"));
        return;
      }
      const receivedMs = this.#time.nowMs;
      this.#answering += 1;
      void this.#collector.receive(body, holdMs).then((reply) => {
        this.#answering -= 1;
        if (reply?.kind === "acked") this.#noteAcks(reply, receivedMs);
        if (!this.canReach(COLLECTOR, sender.machine)) {
          this.#counts.add("reply: behind a partition");
          return;
        }
        answered?.(reply ?? failed("ECONNRESET"));
      });
    });
  }

  /** From here on the collector is bound by its word, whether anybody hears it or not. */
  #noteAcks(
    { reply }: Extract<TransportReply, { readonly kind: "acked" }>,
    receivedMs: number,
  ): void {
    for (const { node, epoch, firstSeq, lastSeq } of reply.acks) {
      const ledger = this.#ledger.epochs.get(`${node}/${epoch}`);
      if (lastSeq >= firstSeq) ledger?.acknowledge(firstSeq, lastSeq, receivedMs);
    }
  }

  /** Whole milliseconds: so that things often happen at one and the same moment. */
  #hop(): number {
    return this.#chance.between(0, this.isCalm ? 2 : this.#scenario.requests.longestDelayMs);
  }

  #retryAfter(): number | null {
    return this.#chance.pick([null, 0, 500, 2_000, 1e12]);
  }

  #corrupted(body: Uint8Array): Uint8Array {
    const bytes = body.slice();
    const at = this.#chance.below(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << this.#chance.below(8));
    return bytes;
  }
}

function joined(batches: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(batches));
}

function failed(message: string): TransportReply {
  return { kind: "failed", retryAfterMs: null, message };
}
