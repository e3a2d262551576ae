import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Batch, RetroEvent } from "../../../agent/kernel/index.ts";
import {
  closedLine,
  decodeBatch,
  encodeBatch,
  epochFromHash,
  eventLine,
  eventsOf,
  formatHlc,
  formatHlcDisplay,
  type Hlc,
  lostLine,
  parseTime,
  readEventLines,
  ValueSet,
} from "../../../agent/kernel/index.ts";
import { aBatch, batchArbitrary, type Row, readable } from "../../support/batches.ts";

const T = 890_634_240_000_000 as Hlc; // 2026-11-21T16:00:00Z
const EPOCH = 77;
const read = (lines: readonly (string | object)[]): ReturnType<typeof readEventLines> =>
  readEventLines(
    lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))),
    { epoch: EPOCH },
  );
/** Through the wire too: what is read must be what can be shipped. */
const eventsIn = (batches: readonly Batch[]): RetroEvent[] =>
  batches.flatMap((batch) => [...eventsOf(decodeBatch(encodeBatch(batch)))]);
const line = (rest: object, t: number = T): object => ({
  node: "n1",
  t: formatHlc(t as Hlc),
  ...rest,
});
const set = (key: string, value: unknown, t: number = T): object =>
  line({ kind: "set", log: "l", key, value }, t);

describe("the lines of the format", () => {
  const { batches, counts } = read([
    '{"node":"n1","service":"kv","t":"01a1fed600000000","kind":"set","log":"setd","key":"vr1","value":3}',
    '{"node":"n1","t":"2026-11-21T16:00:00.000Z+001","kind":"delete","log":"setd","key":"vr1"}',
    '{"node":"n1","t":"2026-11-21T16:00:00.001Z","kind":"add","log":"ring","key":"members","value":"n2"}',
    '{"node":"n1","t":1795276800002,"kind":"keyframe","log":"setd","state":{"vr1":3,"members":{"$set":["n2"]},"o":{"$literal":{"$a":1}}}}',
    '{"node":"n1","t":"1795276800003","kind":"send","id":"m17","to":"n2"}',
    "",
    '{"node":"n2","t":{"hlc":"01a1fed600040000","time":"..."},"kind":"receive","id":"m17","from":"n1"}',
    '{"node":"n1","t":"2026-11-21T17:00:00.005+01:00","kind":"request","operation":"GET /cart","residenceUs":5200,"calls":[{"to":"n2","startUs":300,"us":4100}],"waits":[],"outcome":"ok"}',
    '{"node":"n1","t":"2026-11-21T16:00:00.006Z","kind":"mark","text":"deployed"}',
    '{"node":"n1","t":"2026-11-21T16:00:00.009Z","kind":"lost","events":120,"from":"2026-11-21T16:00:00.007Z","logs":["setd"]}',
    '{"node":"n1","t":"2026-11-21T16:00:00.010Z","kind":"leave"}',
    '{"node":"n2","t":"2026-11-21T16:00:00.011Z","kind":"closed"}',
  ]);
  const ms = (n: number): number => T + n * 4_096;

  it("become events of a node, after a join that the file leaves out", () => {
    const n1 = batches.filter(({ header }) => header.node === "n1");
    expect(eventsIn(n1)).toMatchObject([
      { seq: 1, t: T, kind: "join", service: "kv" },
      { seq: 2, t: T, kind: "set", log: "setd", key: "vr1", value: 3 },
      { seq: 3, t: T + 1, kind: "delete", key: "vr1" },
      { seq: 4, t: ms(1), kind: "add", log: "ring", value: "n2" },
      { seq: 5, t: ms(2), kind: "keyframe" },
      { seq: 6, t: ms(3), kind: "send", id: "m17", to: "n2", channel: "import" },
      { seq: 7, t: ms(5), kind: "request", residenceUs: 5_200, outcome: "ok" },
      { seq: 8, t: ms(6), kind: "mark", text: "deployed" },
      { seq: 129, t: ms(10), kind: "leave" },
    ]);
    expect(eventsIn(n1)[4]).toMatchObject({
      state: new Map<string, unknown>([
        ["vr1", 3],
        ["members", ValueSet.of(["n2"])],
        ["o", { $a: 1 }],
      ]),
    });
    expect(n1.flatMap(({ header }) => header.dropped)).toEqual([
      {
        firstSeq: 9,
        lastSeq: 128,
        firstT: ms(7),
        lastT: ms(9),
        logs: ["setd"],
        messages: true,
        reason: "overflow",
      },
    ]);
  });

  it("give a receive its send", () => {
    const n2 = batches.filter(({ header }) => header.node === "n2");
    expect(eventsIn(n2)[1]).toMatchObject({
      kind: "receive",
      id: "m17",
      from: { node: "n1", epoch: EPOCH, seq: 6 },
      sentT: ms(3),
    });
  });

  it("close nodes where the file says", () => {
    const closed = Object.fromEntries(batches.map(({ header }) => [header.node, header.closed]));
    expect(closed).toEqual({ n1: ms(10), n2: ms(11) });
    expect(batches.every(({ header }) => header.imported)).toBe(true);
  });

  it("are counted", () => {
    expect(counts).toEqual({
      lines: 11,
      events: 11,
      skipped: [],
      skippedCount: 0,
      repeats: 0,
      nodes: 2,
      messages: 1,
      bumped: 0,
    });
  });
});

describe("round trip", () => {
  it("batches to lines to batches gives the same events, for one run of one node", () => {
    fc.assert(
      fc.property(batchArbitrary, (batch) => {
        const { header } = batch;
        // A receive that knows no send, but has the id of one, would be given it.
        const bodies = batch.events.bodies.filter((one) => "id" in one && one.id !== null);
        const sendIds = bodies.flatMap((one) => (one.kind === "send" ? [one.id] : []));
        fc.pre(!bodies.some((one) => one.kind === "receive" && sendIds.includes(one.id)));
        const lines = [
          ...[...eventsOf(batch)].map((event) => eventLine({ ...header, event })),
          closedLine(header, header.closed),
        ];
        const { batches, counts } = readEventLines(lines, { epoch: 0 });
        expect(counts).toMatchObject({ skippedCount: 0, repeats: 0 });
        // As JSON, which does not know -0. A join takes its service from the line; a send that is in
        // the file gives a receive its t.
        const plain = (list: readonly Batch[]): object[] =>
          list
            .flatMap((one) => (readable(one) as unknown as { events: RetroEvent[] }).events)
            .map((event) => {
              if (event.kind === "join") return { ...event, service: "" };
              return event.kind === "receive" ? { ...event, sentT: null } : event;
            });
        expect(plain(batches)).toEqual(plain([batch]));
        eventsIn(batches);
        expect(batches.at(-1)?.header.closed).toBe(header.closed);
      }),
      { numRuns: 200 },
    );
  });

  it("lines to batches to lines gives the same text", () => {
    const rows: Row[] = [
      { kind: "join", t: T, service: "shop", tags: { zone: "b" }, instance: "x" },
      { kind: "set", t: T, log: "l", key: "k", value: { $a: [1, { b: null }] } },
      { kind: "set", t: T, log: "l", key: "s", value: ValueSet.of([2, "x"]), cutShort: true },
      {
        kind: "receive",
        t: (T + 5) as Hlc,
        channel: "http",
        from: { node: "n2", epoch: 9, seq: 3 },
        sentT: (T + 1) as Hlc,
        peer: "10.0.0.1:80",
        id: "foreign",
        unverified: true,
        relayed: false,
      },
      {
        kind: "send",
        t: (T + 6) as Hlc,
        channel: "http",
        to: null,
        peer: null,
        id: null,
        replaces: 2,
        failed: true,
        streamed: false,
      },
    ];
    const batch = aBatch(rows, { epoch: 217_000_000_000 });
    const lines = [...eventsOf(batch)].map((event) => eventLine({ ...batch.header, event }));
    const again = read(lines).batches.flatMap(({ header, events }) =>
      [...eventsOf({ header, events })].map((event) => eventLine({ ...header, event })),
    );
    expect(again).toEqual(lines);
    const range = { firstSeq: 9, lastSeq: 11, firstT: T, lastT: (T + 9) as Hlc };
    const lost = { ...range, logs: null, messages: false, reason: "shed" } as const;
    expect(
      read([...lines, lostLine(batch.header, lost)]).batches.flatMap((b) => b.header.dropped),
    ).toEqual([lost]);
  });

  it("without identity gives a run of the file's own, which begins at 1", () => {
    const batch = aBatch([{ kind: "mark", t: T, text: "x" }], { epoch: 5, firstSeq: 900 });
    const lines = [...eventsOf(batch)].map((event) =>
      eventLine({ ...batch.header, event }, { withIdentity: false }),
    );
    const [first] = read(lines).batches;
    expect(first?.header).toMatchObject({ epoch: EPOCH, firstSeq: 1, lastSeq: 2, service: "shop" });
  });
});

describe("messages", () => {
  const send = (node: string, rest: object, t = T): object => ({
    node,
    t: formatHlc(t),
    kind: "send",
    epoch: 1,
    ...rest,
  });
  const receive = (rest: object, t = T + 9): object => ({
    node: "b",
    t: formatHlc(t as Hlc),
    kind: "receive",
    epoch: 1,
    ...rest,
  });
  const sends = [
    send("a", { id: "m" }),
    send("c", { id: "m" }),
    send("c", { id: "m" }, (T + 20) as Hlc),
    send("d", { id: "" }),
    send("e", {}),
  ];
  const cases: ReadonlyArray<readonly [why: string, receive: object, from: object | null]> = [
    ["by id alone: the first of that id", receive({ id: "m" }, T - 5), { node: "a", seq: 1 }],
    ["by id and sender", receive({ id: "m", from: "c" }), { node: "c", seq: 1 }],
    [
      "an id used again: the latest not after it",
      receive({ id: "m", from: "c" }, T + 30),
      { node: "c", seq: 2 },
    ],
    ["by our own id", receive({ id: "e/1/1", from: "e" }), { node: "e", seq: 1 }],
    [
      "a foreign id beside our own",
      receive({ id: "m", send: "e/1/1", from: "e" }),
      { node: "e", seq: 1 },
    ],
    [
      "our own id of a send outside the file",
      receive({ id: "a/7/9", from: "a" }),
      { node: "a", epoch: 7, seq: 9 },
    ],
    ["not by an id that only looks like ours", receive({ id: "a/7/9" }), null],
    ["not by the id of another sender", receive({ id: "m", from: "z" }), null],
    ["not without id, though a send has an empty one", receive({ from: "d" }), null],
  ];
  it.each(cases)("are joined: %s", (_why, one, from) => {
    const batch = read([...sends, one]).batches.find(({ header }) => header.node === "b");
    const [event] = eventsIn(batch === undefined ? [] : [batch]);
    expect(event).toMatchObject({ kind: "receive", from });
  });

  it("keep the sender's name where its send is not known", () => {
    const { batches, counts } = read([receive({ id: "m", from: "z" })]);
    expect(eventsIn(batches)).toMatchObject([{ from: null, peer: "z", id: "m" }]);
    expect(counts.messages).toBe(0);
  });
});

describe("seqs and epochs", () => {
  it("keeps explicit seqs: a hole stays a hole, a repeat is left out", () => {
    const at = (seq: number, t: number): object => ({ ...set("k", seq, t), epoch: 3, seq });
    const { batches, counts } = read([at(2, T), at(3, T), at(3, T + 1), at(6, T + 2)]);
    expect(batches.map(({ header }) => [header.firstSeq, header.lastSeq, header.closed])).toEqual([
      [2, 3, T],
      [6, 6, T + 2],
    ]);
    expect(counts).toMatchObject({ repeats: 1, events: 3, skippedCount: 0 });
  });

  it("opens a further epoch at a further join", () => {
    const join = (t: number): object => line({ kind: "join", service: "kv" }, t);
    const { batches } = read([join(T), set("k", 1, T + 1), join(T + 2), set("k", 2, T + 3)]);
    expect(batches.map(({ header }) => [header.epoch, header.lastSeq, header.closed])).toEqual([
      [EPOCH, 2, T + 1],
      [EPOCH + 1, 2, T + 3],
    ]);
  });

  it("makes an epoch of a file's hash that lies below every agent's", () => {
    const agentsBegin = Date.UTC(2026, 0, 1) - Date.UTC(2020, 0, 1);
    expect(epochFromHash("ff".repeat(32))).toBeLessThan(agentsBegin);
    expect(epochFromHash("ab".repeat(32))).not.toBe(epochFromHash("ac".repeat(32)));
  });
});

describe("order", () => {
  const hexPlus = (t: number, low: number): string =>
    formatHlc(t as Hlc).slice(0, 15) + low.toString(16);
  const send = (node: string, t: unknown, id = "m"): object => ({ node, t, kind: "send", id });
  const receive = (node: string, t: unknown, id = "m"): object => ({
    node,
    t,
    kind: "receive",
    id,
  });
  const stamps = (lines: readonly object[]): { t: Record<string, number[]>; bumped: number } => {
    const { batches, counts } = read(lines.map((one) => ({ epoch: 1, ...one })));
    const t: Record<string, number[]> = {};
    for (const batch of batches) {
      const list = t[batch.header.node] ?? [];
      t[batch.header.node] = list;
      list.push(...eventsIn([batch]).map((event) => event.t - T));
    }
    return { t, bumped: counts.bumped };
  };
  const iso = "2026-11-21T16:00:00.000Z";
  const mark = (t: unknown): object => ({ node: "a", t, kind: "mark", text: "x" });
  const cases: ReadonlyArray<
    readonly [why: string, lines: object[], t: Record<string, number[]>, bumped: number]
  > = [
    ["equal t on one node is one commit", [mark(iso), mark(iso)], { a: [0, 0] }, 0],
    [
      "foreign stamps are rounded up, and bumped where two fall on one tick",
      [mark(hexPlus(T, 1)), mark(hexPlus(T, 2)), mark(hexPlus(T + 1, 0)), mark(hexPlus(T + 1, 0))],
      { a: [1, 2, 3, 3] },
      3,
    ],
    [
      "a bump carries over a commit, which stays one",
      [mark(hexPlus(T, 1)), mark(hexPlus(T, 2)), mark(hexPlus(T, 2)), mark(hexPlus(T, 9))],
      { a: [1, 2, 2, 3] },
      3,
    ],
    [
      "nanoseconds within a tick keep their order",
      [mark("2026-11-21T16:00:00.000000001Z"), mark("2026-11-21T16:00:00.000000101Z")],
      { a: [0, 1] },
      1,
    ],
    [
      "a wall-clock tie leaves the order of send and receive to us",
      [receive("b", iso), send("a", iso)],
      { b: [1], a: [0] },
      1,
    ],
    [
      "what follows a bumped receive at the same time moves with it",
      [receive("b", iso), { ...mark(iso), node: "b" }, send("a", iso)],
      { b: [1, 1], a: [0] },
      2,
    ],
    [
      "a chain of messages in one millisecond gets one tick each",
      [receive("c", iso, "2"), receive("b", iso, "1"), send("b", iso, "2"), send("a", iso, "1")],
      { c: [2], b: [1, 1], a: [0] },
      3,
    ],
    [
      "exact stamps are left as they are: a tie is a violation",
      [send("a", formatHlc(T)), receive("b", formatHlcDisplay(T))],
      { a: [0], b: [0] },
      0,
    ],
    [
      "a receive before its send is a violation, and stays one",
      [send("a", "2026-11-21T16:00:00.300Z"), receive("b", iso)],
      { a: [300 * 4_096], b: [0] },
      0,
    ],
    [
      "a file that contradicts itself is read to its end",
      [receive("a", iso, "2"), send("a", iso, "1"), receive("b", iso, "1"), send("b", iso, "2")],
      { a: [0, 0], b: [1, 1] },
      2,
    ],
  ];
  it.each(cases)("%s", (_why, lines, t, bumped) => {
    expect(stamps(lines)).toEqual({ t, bumped });
  });

  it("is strict wherever the file is, and never puts a receive before its send", () => {
    const event = fc.record({
      node: fc.constantFrom("a", "b", "c"),
      step: fc.nat({ max: 20 }), // sixteenths of a tick
      id: fc.nat({ max: 8 }),
      kind: fc.constantFrom("send", "receive", "mark"),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const now: Record<string, number> = {};
        const sent = new Set<number>();
        const lines = events.map(({ node, step, id, kind }) => {
          const sixteenths = (now[node] ?? 0) + step;
          now[node] = sixteenths;
          const t = hexPlus(T + Math.floor(sixteenths / 16), sixteenths % 16);
          const isSecondSend = kind === "send" && sent.has(id);
          if (kind === "send") sent.add(id);
          const what = isSecondSend ? { kind: "mark" } : { kind };
          return { node, t, id: `${id}`, text: `${sixteenths}`, epoch: 1, ...what };
        });
        const { batches } = read(lines);
        const tOf = new Map<string, number>();
        for (const { header, events: columns } of batches) {
          for (const one of eventsOf({ header, events: columns })) {
            tOf.set(`${header.node}/${one.seq}`, one.t);
          }
        }
        const seqs: Record<string, number> = {};
        const raw = new Map<string, number>();
        for (const { node, text } of lines) {
          seqs[node] = (seqs[node] ?? 0) + 1;
          raw.set(`${node}/${seqs[node]}`, Number(text));
        }
        for (const [place, t] of tOf) {
          const [node, seq] = place.split("/") as [string, string];
          const before = `${node}/${Number(seq) - 1}`;
          const rise = t - (tOf.get(before) ?? t - 1);
          expect(rise > 0 || (rise === 0 && raw.get(before) === raw.get(place))).toBe(true);
        }
        for (const { header, events: columns } of batches) {
          for (const one of eventsOf({ header, events: columns })) {
            if (one.kind !== "receive" || one.from === null) continue;
            const sentRaw = raw.get(`${one.from.node}/${one.from.seq}`) ?? 0;
            const ownRaw = raw.get(`${header.node}/${one.seq}`) ?? 0;
            const isOurs = ownRaw > sentRaw;
            if (isOurs) expect(one.t).toBeGreaterThan(one.sentT ?? Number.NaN);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("many bad lines", () => {
  const unreadable = (t: number, kind = "set", log: unknown = "l"): object =>
    line({ kind, log, key: 5 }, t);

  it("become one lost range where they follow each other, however many they are", () => {
    const bad = Array.from({ length: 5_000 }, (_, i) => unreadable(T + 1 + i));
    const { batches, counts } = read([set("a", 1), ...bad, set("a", 2, T + 9_000)]);
    expect(counts.skippedCount).toBe(5_000);
    expect(eventsIn(batches)).toHaveLength(3); // with the join
    const dropped = batches.flatMap(({ header }) => header.dropped);
    expect(dropped).toMatchObject([{ firstSeq: 3, lastSeq: 5_002, logs: ["l"] }]);
  });

  it("are folded where each names another log, and then name none", () => {
    const bad = Array.from({ length: 5_000 }, (_, i) => unreadable(T + 1 + i, "set", `log${i}`));
    const { batches } = read([set("a", 1), ...bad, set("a", 2, T + 9_000)]);
    expect(eventsIn(batches)).toHaveLength(3);
    const dropped = batches.flatMap(({ header }) => header.dropped);
    expect(dropped.reduce((sum, { firstSeq, lastSeq }) => sum + lastSeq - firstSeq + 1, 0)).toBe(
      5_000,
    );
    expect(dropped.at(-1)).toMatchObject({ lastSeq: 5_002, logs: null });
  });

  it("stay apart where seqs are missing between them, in as many batches as it takes", () => {
    const bad = Array.from({ length: 3_000 }, (_, i) =>
      line({ kind: "set", log: "l", epoch: 5, seq: 2 + 2 * i }, T + 1 + i),
    );
    const first = line({ kind: "set", log: "l", key: "a", value: 1, epoch: 5, seq: 1 });
    const { batches } = read([first, ...bad]);
    expect(eventsIn(batches)).toHaveLength(1);
    expect(batches.flatMap(({ header }) => header.dropped)).toHaveLength(3_000);
  });

  it("cannot push seqs beyond what a number holds", () => {
    const lost = line({ kind: "lost", events: Number.MAX_SAFE_INTEGER }, T + 1);
    const { batches, counts } = read([set("a", 1), lost, set("a", 2, T + 2)]);
    expect(counts.skipped).toEqual([{ line: 2, reason: "its seqs go beyond 2^53" }]);
    expect(eventsIn(batches)).toHaveLength(3);
  });
});

describe("bad lines", () => {
  const long = "k".repeat(257);
  const deep = JSON.parse(`${"[".repeat(17)}${"]".repeat(17)}`) as unknown;
  const cases: ReadonlyArray<readonly [line: string | object, reason: RegExp, isLost: boolean]> = [
    ["{", /not JSON/, false],
    ["[1]", /not an object/, false],
    [{ t: 1, kind: "mark", text: "x" }, /node is missing/, false],
    [{ node: "", t: 1, kind: "mark" }, /node is empty/, false],
    [{ node: "n".repeat(257), t: 1 }, /node is longer than 256 bytes/, false],
    [{ node: "n1", kind: "leave" }, /t is not a time/, false],
    [{ node: "n1", t: "-5s", kind: "leave" }, /t is not a time/, false],
    [{ node: "n1", t: "now", kind: "leave" }, /t is not a time/, false],
    [{ node: "n1", t: "2026-11-21T16:00:00", kind: "leave" }, /t is not a time/, false],
    [line({ kind: "leave", epoch: -1 }), /epoch is not a whole number/, false],
    [line({ kind: "leave", seq: 0 }), /seq is not a whole number/, false],
    [line({ kind: "explode" }), /unknown kind "explode"/, true],
    [line({ kind: "set", log: "l", key: "k" }), /value is missing/, true],
    [line({ kind: "set", log: "l", value: 1 }), /key is missing/, true],
    [line({ kind: "set", log: "l", key: long, value: 1 }), /key is longer/, true],
    [set("k", deep), /depth of a value/, true],
    [set("k", "x".repeat(40_000)), /bytes of a string/, true],
    [JSON.stringify(set("k", 0)).replace('"value":0', '"value":1e999'), /Infinity/, true],
    [line({ kind: "add", log: "l", key: "k", value: { $set: [] } }), /set inside a set/, true],
    [line({ kind: "keyframe", log: "l", state: [] }), /state is not an object/, true],
    [line({ kind: "request", operation: "o", residenceUs: -1 }), /residenceUs/, true],
    [line({ kind: "lost" }), /events is missing/, true],
    [line({ kind: "mark", text: 3 }), /text is not a text/, true],
  ];
  it.each(cases)("%j", (bad, reason, isLost) => {
    const { batches, counts } = read([set("k", 1), bad, set("k", 2, T + 9)]);
    expect(counts.skipped).toEqual([{ line: 2, reason: expect.stringMatching(reason) }]);
    expect(eventsIn(batches).filter((event) => event.kind === "set")).toHaveLength(2);
    const dropped = batches.flatMap(({ header }) => header.dropped);
    expect(dropped).toHaveLength(isLost ? 1 : 0);
  });

  it("a time before the node's line before: skipped, and lost from its own time on", () => {
    const { batches, counts } = read([set("a", 1, T + 50), set("b", 2, T), set("a", 3, T + 60)]);
    expect(counts.skipped).toEqual([
      { line: 2, reason: expect.stringMatching(/its time is before/) },
    ]);
    expect(batches.flatMap(({ header }) => header.dropped)).toMatchObject([
      { firstSeq: 3, lastSeq: 3, firstT: T, lastT: T + 50, logs: ["l"], messages: false },
    ]);
  });

  it("names a thousand of them and counts the rest", () => {
    const { counts } = read(Array.from({ length: 1_500 }, () => "garbage"));
    expect(counts.skipped).toHaveLength(1_000);
    expect(counts).toMatchObject({ skippedCount: 1_500, lines: 1_500, events: 0, nodes: 0 });
  });

  it("never throws, whatever a line holds", () => {
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom("set", "n1", formatHlc(T), "lost", 5));
    const keys =
      "node t kind log key value epoch seq service id from send events logs state calls tags";
    const anyLine = fc.oneof(
      fc.string(),
      fc
        .dictionary(fc.constantFrom(...keys.split(" ")), field)
        .map((fields) => JSON.stringify({ node: "n", t: 5, ...fields })),
    );
    fc.assert(
      fc.property(fc.array(anyLine, { maxLength: 20 }), (lines) => {
        eventsIn(readEventLines(lines, { epoch: 1 }).batches);
      }),
      { numRuns: 500 },
    );
  });
});

describe("batches", () => {
  it("are cut at commits, however many events there are", () => {
    const lines = Array.from({ length: 20_000 }, (_, i) =>
      set(`k${i % 9}`, i, T + Math.floor(i / 7)),
    );
    const { batches } = read(lines);
    expect(batches.length).toBeGreaterThan(3);
    expect(eventsIn(batches)).toHaveLength(20_001);
    for (let i = 1; i < batches.length; i += 1) {
      const [before, batch] = [batches[i - 1] as Batch, batches[i] as Batch];
      expect(batch.header.firstSeq).toBe(before.header.lastSeq + 1);
      expect(batch.header.firstT).toBeGreaterThan(before.header.closed);
    }
  });

  it("reach from 1970 to 2089", () => {
    const { batches } = read([
      set("k", 1, parseTime("0", T)),
      set("k", 2, Number.MAX_SAFE_INTEGER),
    ]);
    expect(eventsIn(batches).map((event) => event.t)).toEqual([
      -6_462_819_532_800_000,
      -6_462_819_532_800_000,
      Number.MAX_SAFE_INTEGER,
    ]);
  });
});
