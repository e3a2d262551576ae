import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Batch, Json, Value } from "../../../agent/kernel/index.ts";
import {
  BatchBuilder,
  decodeBatch,
  decodeHeader,
  decodeSideBlocks,
  encodeBatch,
  eventsOf,
  type Hlc,
  KindCode,
  MAX_HLC,
  MIN_HLC,
  RetroError,
  type SideBlock,
  splitFrames,
  ValueSet,
  valueAt,
  WIRE_LIMITS,
} from "../../../agent/kernel/index.ts";
import {
  aBatch,
  batchArbitrary,
  batchWithSideBlocks,
  exactText,
  type Row,
} from "../../support/batches.ts";
import { resealed } from "../../support/wire-mutations.ts";

const T = 890_000_000_000_000 as Hlc;
const set = (value: Value, key = "k", t: Hlc = T): Row => ({
  kind: "set",
  t,
  log: "l",
  key,
  value,
});

describe("a batch on the wire", () => {
  it("comes back as it was, row by row", () => {
    fc.assert(
      fc.property(batchWithSideBlocks, (batch) => {
        expect(exactText(decodeBatch(encodeBatch(batch)))).toBe(exactText(batch));
      }),
      { numRuns: 400 },
    );
  });

  it("has one form: decoding and encoding again gives the same bytes", () => {
    fc.assert(
      fc.property(batchWithSideBlocks, (batch) => {
        const bytes = encodeBatch(batch);
        expect(encodeBatch(decodeBatch(bytes))).toEqual(bytes);
      }),
      { numRuns: 200 },
    );
  });

  it("gives its side blocks without its events, as copies", () => {
    fc.assert(
      fc.property(batchWithSideBlocks, (batch) => {
        const bytes = encodeBatch(batch);
        const blocks = decodeSideBlocks(bytes);
        expect(blocks).toEqual(batch.sideBlocks ?? []);
        for (const block of blocks) expect(block.bytes.buffer).not.toBe(bytes.buffer);
      }),
      { numRuns: 100 },
    );
  });

  it("refuses a side block twice, of no stream, of a part that is none", () => {
    const block = { stream: "load" as const, second: 7, part: 0, bytes: Uint8Array.of(1) };
    const refusals: readonly (readonly [string, readonly SideBlock[]])[] = [
      ["a side block twice", [block, { ...block, bytes: Uint8Array.of(2) }]],
      ["stream", [{ ...block, stream: "other" as "load" }]],
      ["no part", [{ ...block, part: -1 }]],
      ["no second", [{ ...block, second: 0.5 }]],
      ["empty", [{ ...block, bytes: new Uint8Array(0) }]],
    ];
    for (const [why, sideBlocks] of refusals) {
      expect(() => encodeBatch({ ...aBatch([]), sideBlocks }), why).toThrow(why);
    }
  });

  it("gives its header without its events", () => {
    fc.assert(
      fc.property(batchArbitrary, (batch) => {
        expect(decodeHeader(encodeBatch(batch))).toEqual(batch.header);
      }),
      { numRuns: 100 },
    );
  });

  it("is cut out of a body of several", () => {
    fc.assert(
      fc.property(fc.array(batchArbitrary, { maxLength: 4 }), (batches) => {
        const frames = batches.map(encodeBatch);
        const body = new Uint8Array(frames.reduce((size, frame) => size + frame.length, 0));
        let start = 0;
        for (const frame of frames) {
          body.set(frame, start);
          start += frame.length;
        }
        expect(splitFrames(body)).toEqual(frames);
      }),
      { numRuns: 50 },
    );
  });

  it("may lie anywhere in a larger buffer", () => {
    const bytes = encodeBatch(aBatch([set(1.5), set("text")]));
    const padded = new Uint8Array(bytes.length + 13);
    padded.set(bytes, 7);
    const inside = padded.subarray(7, 7 + bytes.length);
    expect([...eventsOf(decodeBatch(inside))]).toEqual([...eventsOf(decodeBatch(bytes))]);
  });

  it("keeps a key called __proto__ as data, and leaves prototypes alone", () => {
    const hostile = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 2}') as Json;
    const back = decodeBatch(encodeBatch(aBatch([set(hostile)], { status: hostile })));
    const value = valueAt(back.events, 0) as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBe(null);
    expect(Object.keys(value)).toEqual(["__proto__", "constructor"]);
    expect(Object.keys(back.header.status as object)).toEqual(["__proto__", "constructor"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBe(undefined);
  });

  it("writes lone surrogates, which UTF-8 cannot say, as U+FFFD, even where names then meet", () => {
    const rows: Row[] = [
      set(1, "a\ud800"),
      set(2, "a\ud801"),
      set(3, "a\ufffd"),
      set({ "b\ud800": 1, "b\udfff": 2 }),
      set(ValueSet.of(["z", "\ud800", "\udc00", "\uffff"])),
      {
        kind: "keyframe",
        t: T,
        log: "l",
        state: new Map([
          ["\ud800", 1],
          ["\ud801", 2],
        ]),
      },
    ];
    const back = [...eventsOf(decodeBatch(encodeBatch(aBatch(rows))))];
    expect(back.slice(0, 3).map((event) => "key" in event && event.key)).toEqual(
      Array(3).fill("a\ufffd"),
    );
    expect(back[3]).toMatchObject({ value: { "b\ufffd": 2 } });
    expect(back[4]).toMatchObject({ value: { members: ["z", "\ufffd", "\uffff"] } });
    expect(back[5]).toMatchObject({ state: new Map([["\ufffd", 2]]) });
  });

  it("leaves out variables and values that no change names", () => {
    const builder = new BatchBuilder();
    builder.change(T, KindCode.set, "l", "old", "gone");
    builder.reset();
    builder.change(T, KindCode.set, "l", "new", "here");
    const batch = builder.build({ node: "n", service: "s", epoch: 1, firstSeq: 1, closed: T });
    const extra: Batch = {
      header: batch.header,
      events: { ...batch.events, variables: [{ log: "x", key: "y" }, ...batch.events.variables] },
    };
    (extra.events.ref as Uint32Array)[0] = 1;
    expect(decodeBatch(encodeBatch(extra)).events.variables).toEqual([{ log: "l", key: "new" }]);
  });

  it("spans all stamps there are, from 1970 to 2089", () => {
    const rows: Row[] = [
      { ...set(1), t: MIN_HLC },
      { ...set(2), t: -1 as Hlc },
      { ...set(3), t: 0 as Hlc },
      { ...set(4), t: MAX_HLC },
    ];
    const back = decodeBatch(encodeBatch(aBatch(rows)));
    expect([...back.events.t]).toEqual([MIN_HLC, -1, 0, MAX_HLC]);
  });
});

describe("limits, at and one beyond", () => {
  const deep = (levels: number): Json => {
    let value: Json = 1;
    for (let i = 0; i < levels; i += 1) value = [value];
    return value;
  };
  const { nameBytes, stringBytes, nodeBytes, events, valueDepth, setMembers } = WIRE_LIMITS;
  const cases: ReadonlyArray<
    readonly [what: string, limit: number, make: (size: number) => Batch]
  > = [
    ["a key", nameBytes, (n) => aBatch([set(1, "k".repeat(n))])],
    ["a key, two bytes a letter", nameBytes / 2, (n) => aBatch([set(1, "é".repeat(n))])],
    ["a node id", nodeBytes, (n) => aBatch([], { node: "n".repeat(n) })],
    ["a service", nameBytes, (n) => aBatch([], { service: "n".repeat(n) })],
    ["a text", stringBytes, (n) => aBatch([set("v".repeat(n))])],
    ["a mark", stringBytes, (n) => aBatch([{ kind: "mark", t: T, text: "v".repeat(n) }])],
    ["depth", valueDepth, (n) => aBatch([set(deep(n))])],
    ["events", events, (n) => aBatch(Array.from({ length: n }, () => set(1)))],
    [
      "members of a set",
      setMembers,
      (n) => aBatch([set(ValueSet.of(Array.from({ length: n }, (_, i) => i)))]),
    ],
    [
      "tags",
      WIRE_LIMITS.tags,
      (n) => {
        const tags = Object.fromEntries(Array.from({ length: n }, (_, i) => [`t${i}`, "x"]));
        return aBatch([{ kind: "join", t: T, service: "s", tags, instance: "i" }]);
      },
    ],
    [
      "calls of a request",
      WIRE_LIMITS.callsPerRequest,
      (n) => {
        const calls = Array.from({ length: n }, () => ({ to: "n2", startUs: 1, us: 2 }));
        const rest = { operation: "o", residenceUs: 1, outcome: "ok" };
        return aBatch([{ kind: "request", t: T, ...rest, calls, waits: [] }]);
      },
    ],
  ];
  it.each(cases)("%s: %d", (_what, limit, make) => {
    const batch = make(limit);
    const back = decodeBatch(encodeBatch(batch));
    expect(exactText(back) === exactText(batch), "the batch comes back").toBe(true);
    expect(() => encodeBatch(make(limit + 1))).toThrow(
      expect.objectContaining({ code: "too-large" }),
    );
  });

  it("refuses a frame over 4 MiB, written or read, before it is looked at", () => {
    const large = Array.from({ length: 200 }, (_, i) => set(`${i}${"v".repeat(30_000)}`, `k${i}`));
    expect(() => encodeBatch(aBatch(large))).toThrow(/bytes of a batch/);
    const frame = encodeBatch(aBatch([]));
    new DataView(frame.buffer).setUint32(8, WIRE_LIMITS.frameBytes + 1, true);
    expect(() => splitFrames(frame)).toThrow(expect.objectContaining({ code: "too-large" }));
  });

  it("refuses a body of too many frames", () => {
    const frame = encodeBatch(aBatch([], { node: "n", service: "" }));
    const body = new Uint8Array(frame.length * (WIRE_LIMITS.framesPerBody + 1));
    for (let i = 0; i <= WIRE_LIMITS.framesPerBody; i += 1) body.set(frame, i * frame.length);
    expect(() => splitFrames(body)).toThrow(expect.objectContaining({ code: "too-large" }));
    expect(splitFrames(body.subarray(frame.length))).toHaveLength(WIRE_LIMITS.framesPerBody);
  });
});

describe("bytes that are refused", () => {
  const frame = encodeBatch(aBatch([set(1), set("v")]));
  const changedIn = (whole: Uint8Array, at: number, byte: number): Uint8Array => {
    const copy = whole.slice();
    copy[at] = byte;
    return resealed(copy);
  };
  const changed = (at: number, byte: number): Uint8Array => changedIn(frame, at, byte);
  const cases: ReadonlyArray<readonly [why: string, bytes: Uint8Array, code: string]> = [
    ["nothing", new Uint8Array(0), "bad-batch"],
    ["text", new TextEncoder().encode('{"batch": "of JSON, say"}'), "bad-batch"],
    ["a frame cut short", frame.subarray(0, frame.length - 1), "bad-batch"],
    ["a byte after the frame", Uint8Array.from([...frame, 0]), "bad-batch"],
    ["a wrong checksum", frame.map((byte, i) => (i === 20 ? byte ^ 1 : byte)), "bad-batch"],
    ["a later version", changed(4, 2), "unsupported-version"],
    ["an unknown flag", changed(5, 8), "unsupported-version"],
    ["a reserved byte", changed(7, 1), "unsupported-version"],
  ];
  it.each(cases)("%s", (_why, bytes, code) => {
    for (const read of [decodeBatch, decodeHeader]) {
      let error: unknown;
      try {
        read(bytes);
      } catch (caught) {
        error = caught;
      }
      expect(error).toBeInstanceOf(RetroError);
      expect(error).toMatchObject({ code, retriable: false, hint: expect.any(String) });
    }
  });

  // What comes after the header is not looked at for the header alone.
  it.each([
    ["side blocks", 2],
    ["times of requests", 4],
  ] as const)("%s announced, and none", (_what, flag) => {
    for (const bytes of [changed(5, flag), changedIn(encodeBatch(aBatch([])), 5, flag)]) {
      expect(() => decodeBatch(bytes)).toThrow(
        expect.objectContaining({ code: "bad-batch", retriable: false, hint: expect.any(String) }),
      );
    }
  });

  it("refuses bytes between the events and the checksum", () => {
    for (const bytes of [frame, encodeBatch(aBatch([]))]) {
      const longer = new Uint8Array(bytes.length + 1);
      longer.set(bytes.subarray(0, -4));
      expect(() => decodeBatch(resealed(longer))).toThrow(/after its end/);
    }
  });
});

describe("the decoder's rules", () => {
  const received = (epoch: number, seq: number): Row => ({
    kind: "receive",
    t: T,
    channel: "c",
    from: { node: "n", epoch, seq },
    sentT: T,
    peer: null,
    id: null,
    unverified: false,
    relayed: false,
  });
  const frames = [
    [set(1, "aa"), set(2, "ab"), set(3, "aa"), set(1.5, "ab")],
    [set("x"), set("y"), set("x"), set({ aa: 1, ab: [true] }), set(ValueSet.of([1, 2]))],
    [{ kind: "add", t: T, log: "l", key: "k", value: "x" }, set(ValueSet.of(["x"]), "k2")],
    [received(1, 5), received(2, 6), received(1, 7)],
    [
      {
        kind: "keyframe",
        t: T,
        log: "l",
        state: new Map([
          ["aa", 1],
          ["ab", 2],
        ]),
      },
      { kind: "join", t: T, service: "s", tags: { aa: "1", ab: "2" }, instance: "i" },
    ],
    [
      {
        kind: "send",
        t: T,
        channel: "c",
        to: null,
        peer: null,
        id: null,
        replaces: 1,
        failed: false,
        streamed: false,
      },
    ],
  ].map((rows, i) => encodeBatch(aBatch(rows as Row[], { firstSeq: i === 5 ? 3 : 1 })));
  const refusals = new Set<string>();
  for (const frame of frames) {
    for (let at = 12; at < frame.length - 4; at += 1) {
      for (let byte = 0; byte < 256; byte += 1) {
        const copy = frame.slice();
        copy[at] = byte;
        try {
          decodeBatch(resealed(copy));
        } catch (error) {
          refusals.add((error as Error).message.replace("not a valid batch: ", ""));
        }
      }
    }
  }

  it.each([
    "a variable listed twice",
    "a variable used before its turn",
    "variables that are not used, or not listed",
    "more variables than events",
    "a value used before its turn",
    "values that are not used, or not listed",
    "more values than changes",
    "a value that has a tag of its own",
    "a value of unknown type",
    "a set inside a set",
    "a set out of order",
    "an object with a key twice",
    "a double that is none",
    "an event of unknown kind, or without its value",
    "times that do not end at lastT",
    "an epoch used before its turn",
    "epochs that are not used",
    "more epochs than receives",
    "a send without its seq",
    "a receive with nothing wide",
    "a send that replaces no earlier one",
    "unknown flags of a message",
    "a keyframe with a key twice",
    "a tag twice",
    "an index beyond the string table",
    "text that is not UTF-8",
    "a number in too many bytes",
    "closed, lastT and firstT out of order",
    "firstSeq below 1",
    "it ends too early",
    "bytes after its end",
  ])("are each met by one changed byte: %s", (why) => {
    expect([...refusals]).toContain(why);
  });

  it("hold for keys whose hashes are all the same", () => {
    const keys = Array.from({ length: 300 }, (_, i) => `${"long".repeat(15)}${i + 100}`);
    const bytes = encodeBatch(aBatch(keys.map((key) => set(1, key))));
    expect(decodeBatch(bytes).events.variables.map(({ key }) => key)).toEqual(keys);
    const text = new TextDecoder("latin1").decode(bytes);
    const twice = bytes.slice();
    twice.set(new TextEncoder().encode(keys[250]), text.indexOf(keys[299] as string));
    expect(() => decodeBatch(resealed(twice))).toThrow(/a variable listed twice/);
  });

  it("allow one key in several logs", () => {
    const rows: Row[] = ["a", "b", "a", "c"].map((log) => ({ ...set(1), log }) as Row);
    const back = decodeBatch(encodeBatch(aBatch(rows)));
    expect(back.events.variables.map(({ log }) => log)).toEqual(["a", "b", "c"]);
    expect([...back.events.ref]).toEqual([0, 1, 0, 2]);
  });
});

describe("batches that break a rule of their own are not written", () => {
  const good = aBatch([set(1), set("v"), { kind: "leave", t: T }]);
  const broken = (
    events: Partial<Batch["events"]>,
    header: Partial<Batch["header"]> = {},
  ): Batch => ({
    header: { ...good.header, ...header },
    events: { ...good.events, ...events },
  });
  const cases: ReadonlyArray<readonly [why: string, batch: Batch]> = [
    ["t falls", broken({ t: Float64Array.of(T, T - 1, T) })],
    [
      "t is no whole number",
      broken(
        { t: Float64Array.of(T, T + 0.5, T + 1) },
        { lastT: (T + 1) as Hlc, closed: (T + 1) as Hlc },
      ),
    ],
    ["firstT is another", broken({}, { firstT: (T - 1) as Hlc })],
    ["closed before lastT", broken({}, { closed: (T - 1) as Hlc })],
    ["seqs do not count", broken({}, { lastSeq: 9 })],
    ["no node", broken({}, { node: "" })],
    ["a negative epoch", broken({}, { epoch: -1 })],
    ["an unknown kind", broken({ kind: Uint8Array.of(0, 0, 11) })],
    ["a body of another kind", broken({ kind: Uint8Array.of(0, 0, KindCode.send as number) })],
    ["a set without value", broken({ valueTag: Uint8Array.of(0, 5, 0) })],
    ["an unknown value tag", broken({ valueTag: Uint8Array.of(7, 5, 0) })],
    ["not a number", broken({ valueNumber: Float64Array.of(Number.NaN, 0, 0) })],
    ["a variable not listed", broken({ ref: Uint32Array.of(1, 0, 0) })],
    ["a value not listed", broken({ values: [] })],
    ["lost ranges out of order", broken({}, { dropped: [lost(5, 6), lost(6, 7)] })],
    ["a lost range that ends before it begins", broken({}, { dropped: [lost(5, 4)] })],
    [
      "a send that replaces a later one",
      aBatch([
        {
          kind: "send",
          t: T,
          channel: "http",
          to: null,
          peer: null,
          id: null,
          replaces: 1,
          failed: false,
          streamed: false,
        },
      ]),
    ],
  ];
  it.each(cases)("%s", (_why, batch) => {
    expect(() => encodeBatch(batch)).toThrow(expect.objectContaining({ code: "bad-batch" }));
    expect(encodeBatch(good)).toEqual(
      encodeBatch(aBatch([set(1), set("v"), { kind: "leave", t: T }])),
    );
  });

  function lost(firstSeq: number, lastSeq: number): Batch["header"]["dropped"][number] {
    const times = { firstT: T, lastT: T };
    return { firstSeq, lastSeq, ...times, logs: null, messages: false, reason: "shed" };
  }
});
