/**
 * Values that a careless or malicious host might record, made fast: from a seed, by a generator of our own,
 * since a million are wanted. Every part that runs code of the host counts how often it was run.
 */

/** What the value's own code did: at most one run per place and record is fair. */
export interface Probe {
  /** Runs of the place that ran most. */
  readonly mostRuns: () => number;
}

export interface HostileValue {
  readonly value: unknown;
  readonly probe: Probe;
}

/** The same for the same seed. */
export function hostileValue(seed: number): HostileValue {
  const maker = new Maker(seed);
  const value = maker.make(0);
  return { value, probe: { mostRuns: () => maker.mostRuns } };
}

const HUGE_TEXT = "x".repeat(50 * 1024 * 1024);
const LARGE_TEXT = "é\ud83d\ude00".repeat(20_000);
const LARGE_LIST: readonly number[] = Array.from({ length: 200_000 }, (_, i) => i);
const LARGE_SET: ReadonlySet<number> = new Set(LARGE_LIST);
const LARGE_MAP: ReadonlyMap<string, number> = new Map(LARGE_LIST.map((i) => [`k${i}`, i]));
const KEYS = [
  "a",
  "b",
  "password",
  "__proto__",
  "constructor",
  "toString",
  "length",
  "…",
  "",
  "$set",
];
const SURROGATES = [
  "\ud800",
  "\udc00x",
  "a\ud83d",
  "\ufeff",
  "\u0000",
  "eyJhbGciOiJI.eyJzdWIiOiIx",
];

class Maker {
  mostRuns = 0;
  #state: number;
  readonly #made: object[] = [];

  constructor(seed: number) {
    this.#state = (seed * 2_654_435_761 + 1) >>> 0;
  }

  make(depth: number): unknown {
    const kind = this.#below(depth > 5 ? 22 : 40);
    if (kind < 22) return this.#leaf(kind);
    const object = this.#object(kind - 22, depth);
    if (typeof object === "object" && object !== null) this.#made.push(object);
    return object;
  }

  #leaf(kind: number): unknown {
    switch (kind) {
      case 0:
        return Number.NaN;
      case 1:
        return -0;
      case 2:
        return [Number.POSITIVE_INFINITY, Number.MIN_VALUE, 2 ** 60, -1e308][this.#below(4)];
      case 3:
        return BigInt(this.#below(1_000)) ** BigInt(this.#below(60));
      case 4:
        return Symbol("s");
      case 5:
        return () => this.#state;
      case 6:
        return SURROGATES[this.#below(SURROGATES.length)];
      case 7:
        return this.#below(4) === 0 ? LARGE_TEXT : LARGE_TEXT.slice(0, this.#below(20_000));
      case 8:
        // The largest, seldom: V8 has to look at all of it.
        return this.#below(20_000) === 0 ? HUGE_TEXT : HUGE_TEXT.slice(0, this.#below(200));
      case 9:
        return undefined;
      case 10:
        return null;
      case 11:
        return this.#below(2) === 0;
      case 12:
        return new Date([0, Number.NaN, 1e15][this.#below(3)] as number);
      case 13:
        return this.#below(50) === 0 ? LARGE_LIST : Object.assign([1], { 2: 3 });
      case 14:
        return this.#below(50) === 0 ? LARGE_SET : new Set([1, "1"]);
      case 15:
        return this.#below(50) === 0
          ? LARGE_MAP
          : new Map<unknown, unknown>([
              ["token", 1],
              [{}, 2],
            ]);
      case 16:
        return [new Uint8Array(9), new Float64Array(2_000), new DataView(new ArrayBuffer(5))][
          this.#below(3)
        ];
      case 17:
        return new Array(this.#below(2) === 0 ? 4_294_967_295 : 5);
      case 18:
        return this.#made.at(this.#below(this.#made.length + 1) - 1); // shared, or a cycle
      case 19:
        return [/x/g, new Error("x"), new WeakMap(), Promise.resolve(1)][this.#below(4)];
      case 20:
        return [Object(1), Object("s"), Object(1n), Object(Symbol.iterator)][this.#below(4)];
      default:
        return this.#below(1_000_000) / 7;
    }
  }

  #object(kind: number, depth: number): unknown {
    switch (kind) {
      case 0:
      case 1:
      case 2:
        return Array.from({ length: this.#below(5) }, () => this.make(depth + 1));
      case 3:
        return this.#throwing();
      case 4:
        return this.#withToJson(depth);
      case 5:
        return new Proxy({ a: this.make(depth + 1) }, {});
      case 6:
        return this.#hostileProxy(depth);
      case 7:
        return this.#revoked();
      case 8:
        return this.#ofDepth(this.#below(60));
      case 9:
        return new Map([[KEYS[this.#below(KEYS.length)], this.make(depth + 1)]]);
      case 10:
        return new Set([this.make(depth + 1), this.make(depth + 1)]);
      case 11:
        return this.#cycle();
      case 12:
        return Object.freeze({ a: this.make(depth + 1) });
      default:
        return this.#plain(depth);
    }
  }

  #plain(depth: number): object {
    const object = (this.#below(3) === 0 ? Object.create(null) : {}) as Record<string, unknown>;
    for (let i = this.#below(4); i > 0; i -= 1) {
      const value = this.make(depth + 1);
      const key = KEYS[this.#below(KEYS.length)] as string;
      const define = { value, enumerable: true, configurable: true, writable: true };
      Object.defineProperty(object, key, define);
    }
    return object;
  }

  #throwing(): object {
    const run = this.#counter();
    return {
      before: 1,
      get boom() {
        run();
        throw new Error("a getter");
      },
      get fine() {
        return 1;
      },
    };
  }

  #withToJson(depth: number): object {
    const run = this.#counter();
    const inner = this.make(depth + 1);
    const how = this.#below(4);
    return {
      a: 1,
      toJSON(): unknown {
        run();
        if (how === 0) throw new Error("toJSON");
        return how === 1 ? this : inner;
      },
    };
  }

  #hostileProxy(depth: number): object {
    const run = this.#counter();
    const inner = this.make(depth + 1);
    const target = this.#below(2) === 0 ? { a: 1, b: 2 } : [1, 2];
    const how = this.#below(4);
    return new Proxy(target, {
      ownKeys: (of) => {
        run();
        if (how === 0) throw new Error("ownKeys");
        return Reflect.ownKeys(of);
      },
      get: (of, key, receiver) => {
        if (key === "length" && how === 1) return Number.POSITIVE_INFINITY;
        if (how === 2 && key !== "toJSON") throw new Error("get");
        return key === "toJSON" ? undefined : how === 3 ? inner : Reflect.get(of, key, receiver);
      },
      getPrototypeOf: (of) => {
        if (how === 0) throw new Error("getPrototypeOf");
        return Reflect.getPrototypeOf(of);
      },
    });
  }

  #revoked(): object {
    const { proxy, revoke } = Proxy.revocable<object>(this.#below(2) === 0 ? {} : [], {});
    revoke();
    return proxy;
  }

  #ofDepth(depth: number): unknown {
    let value: unknown = 1;
    for (let i = 0; i < depth; i += 1) value = i % 2 === 0 ? [value] : { n: value };
    return value;
  }

  #cycle(): object {
    const cycle: Record<string, unknown> = { a: this.make(6) };
    cycle["self"] = [cycle];
    return cycle;
  }

  /** Counts the runs of one place. */
  #counter(): () => void {
    let runs = 0;
    return () => {
      runs += 1;
      this.mostRuns = Math.max(this.mostRuns, runs);
    };
  }

  #below(count: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * count);
  }
}
