/**
 * The mixed events of the `wire` bench: what a busy service of a small shop records.
 *
 * Of 1,000 events about 640 set a number (counters that step, gauges, prices with cents), 120 a text
 * (mostly one of a dozen states, sometimes an id never seen before), 30 a small object, 20 delete,
 * 30 change a set, 70 are sends, 70 receives from three nodes, 15 requests with two calls, 4 marks
 * and 1 a keyframe of twenty variables. There are some 900 variables in three logs; between two events
 * lie 40 us on average. All from one seed.
 */
import type { BatchBuilder, EventBody, Hlc, Json, Value } from "#dist/agent/kernel/index.js";
import { KindCode, ValueSet } from "#dist/agent/kernel/index.js";
import { seededRandom } from "../support/seeded-random.ts";

const LOGS = ["stock", "carts", "sessions"];
const STATES = ["idle", "open", "paying", "paid", "packed", "sent", "returned", "closed"];
const PEERS = ["cart@host7-412", "stock@host8-97", "gateway@host1-3300"];
const OPERATIONS = ["GET /cart", "POST /cart/items", "GET /stock/:sku", "POST /orders"];
const TICKS_PER_US = 4.096;

/** Adds mixed events to builders, one batch after the other, with time and counters going on. */
export class MixedEvents {
  readonly #random: () => number;
  readonly #counters = new Map<string, number>();
  #t: number;
  #sentSeq = 0;

  constructor(seed: number, start: Hlc) {
    this.#random = seededRandom(seed);
    this.#t = start;
  }

  get t(): Hlc {
    return this.#t as Hlc;
  }

  addTo(builder: BatchBuilder, count: number): void {
    for (let i = 0; i < count; i += 1) this.#addOne(builder);
  }

  #addOne(builder: BatchBuilder): void {
    const random = this.#random;
    this.#t += Math.max(1, Math.floor(-Math.log(1 - random()) * 40 * TICKS_PER_US));
    const t = this.t;
    const log = this.#pick(LOGS);
    const key = `${log}:${this.#below(100)}`;
    const at = this.#below(1_000);
    if (at < 640) builder.change(t, KindCode.set, log, key, this.#number(key));
    else if (at < 760) builder.change(t, KindCode.set, log, `${key}/state`, this.#text());
    else if (at < 790) builder.change(t, KindCode.set, log, `${key}/line`, this.#line());
    else if (at < 810) builder.change(t, KindCode.delete, log, key);
    else if (at < 840) {
      const kind = random() < 0.6 ? KindCode.add : KindCode.remove;
      builder.change(t, kind, log, "members", this.#pick(PEERS));
    } else builder.body(t, this.#body(at));
  }

  #number(key: string): number {
    const kind = key.charCodeAt(key.length - 1) % 10;
    if (kind < 2) return this.#below(100_000) / 100;
    if (kind < 5) return this.#below(1_000);
    const counter = (this.#counters.get(key) ?? 100_000) + 1 + this.#below(3);
    this.#counters.set(key, counter);
    return counter;
  }

  #text(): string {
    return this.#random() < 0.8 ? this.#pick(STATES) : `order-${this.#below(2 ** 32).toString(36)}`;
  }

  #line(): Json {
    return {
      sku: `A-${this.#below(500)}`,
      quantity: this.#below(9),
      price: this.#below(9_999) / 100,
    };
  }

  #body(at: number): EventBody {
    if (at < 910) {
      return {
        kind: "send",
        channel: "http",
        to: null,
        peer: `10.0.0.${this.#below(3)}:8080`,
        id: null,
        replaces: null,
        failed: false,
        streamed: false,
      };
    }
    if (at < 980) {
      this.#sentSeq += 1 + this.#below(20);
      return {
        kind: "receive",
        channel: "http",
        from: { node: this.#pick(PEERS), epoch: 217_123_456_789, seq: this.#sentSeq },
        sentT: (this.#t - this.#below(8_000)) as Hlc,
        peer: null,
        id: null,
        unverified: false,
        relayed: false,
      };
    }
    if (at < 995) {
      const call = (): { to: string; startUs: number; us: number } => ({
        to: this.#pick(PEERS),
        startUs: this.#below(900),
        us: this.#below(4_000),
      });
      return {
        kind: "request",
        operation: this.#pick(OPERATIONS),
        residenceUs: 300 + this.#below(6_000),
        outcome: "ok",
        calls: [call(), call()],
        waits: [],
      };
    }
    if (at < 999) return { kind: "mark", text: "cache refilled" };
    const state = new Map<string, Value>();
    for (let k = 0; k < 19; k += 1) state.set(`stock:${k}`, this.#below(1_000));
    state.set("members", ValueSet.of(PEERS));
    return { kind: "keyframe", log: "stock", state };
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)] as T;
  }
}
