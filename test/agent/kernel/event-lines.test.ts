/** Lines to events and back: the format, round trips, messages, seqs and epochs. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Batch, RetroEvent } from "../../../agent/kernel/index.ts";
import {
  closedLine,
  epochFromHash,
  eventLine,
  eventsOf,
  formatHlc,
  type Hlc,
  lostLine,
  readEventLines,
  ValueSet,
} from "../../../agent/kernel/index.ts";
import { aBatch, batchArbitrary, type Row, readable } from "../../support/batches.ts";
import { EPOCH, eventsIn, line, read, set, T } from "./lines.ts";

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
