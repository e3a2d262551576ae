/** Captures over a real ingest, with time moved by hand: who is asked, when, and what becomes of it. */
import { describe, expect, it } from "vitest";
import {
  addMs,
  type BatchHeader,
  encodeBatch,
  formatHlc,
  type Hlc,
  type Json,
  RetroError,
} from "../../../agent/kernel/index.ts";
import { stateOf } from "../../../collector/ingest/capture-record.ts";
import { MAX_CAPTURES } from "../../../collector/ingest/capture-shelf.ts";
import { Captures, MAX_OPEN_CAPTURES } from "../../../collector/ingest/captures.ts";
import type { HistoryStore } from "../../../collector/store/history-store.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { aBatch, type Row } from "../../support/batches.ts";
import { aLostRange, anIngest, type ManualTimers, START } from "./support.ts";

const at = (ms: number): Hlc => addMs(START, ms);
const ON_DEMAND = { pid: 1, stream: "on-demand" };

function setUp(store: HistoryStore = new MemoryStore(), timers?: ManualTimers) {
  const made = anIngest({ store, ...(timers === undefined ? {} : { timers }) });
  let count = 0;
  const failures: unknown[] = [];
  const captures = new Captures({
    store,
    commands: made.ingest.commands,
    timers: made.timers,
    newToken: () => {
      count += 1;
      return String(count);
    },
    onFailure: (error) => failures.push(error),
  });
  made.ingest.onStatus((record, status) => captures.heard(record, status));
  made.ingest.onStored((ids) => captures.stored(ids));
  return { ...made, captures, failures };
}
type Parts = ReturnType<typeof setUp>;

function join(epochMs: number, instance: string): Row {
  return { t: at(epochMs), kind: "join", service: "kv", tags: {}, instance };
}

/** A node joins; the ids of the captures that it is asked for. */
async function starts(
  { ingest }: Parts,
  node: string,
  options: { epoch?: number; ms?: number; status?: Json } = {},
): Promise<string[]> {
  const { epoch = 1_000, ms = -50_000, status = ON_DEMAND } = options;
  const batch = aBatch([join(ms, `${node}${epoch}`)], { node, epoch, closed: at(ms), status });
  return idsIn(await ingest.submit(encodeBatch(batch)));
}

/** A heartbeat; the ids of the captures that the node is asked for. */
async function beats(
  { ingest, timers }: Parts,
  node: string,
  status: { [name: string]: Json } = {},
  fields: Partial<BatchHeader> = {},
): Promise<string[]> {
  const closed = timers.now();
  const batch = aBatch([], {
    ...{ node, epoch: 1_000, firstSeq: 2, closed },
    status: { ...ON_DEMAND, ...status },
    ...fields,
  });
  return idsIn(await ingest.submit(encodeBatch(batch)));
}

function idsIn({ commands }: Awaited<ReturnType<Parts["ingest"]["submit"]>>): string[] {
  return commands.flatMap((one) => (one.command === "window" ? [one.id] : []));
}

function shipped(id: string, from: Hlc, to: Hlc): { captures: Json } {
  return { captures: [{ id, state: "shipped", from: formatHlc(from), to: formatHlc(to) }] };
}

/** Lets what is on its way to the store arrive. */
const settled = async (): Promise<void> => {
  for (let i = 0; i < 10; i += 1) await Promise.resolve();
};

/** Moves time in steps, as a second goes by. */
async function wait(parts: Parts, ms: number, node?: string): Promise<string[]> {
  const ids: string[] = [];
  for (let left = ms; left > 0; left -= 500) {
    parts.timers.advance(Math.min(500, left));
    await settled();
    if (node !== undefined) ids.push(...(await beats(parts, node)));
  }
  return ids;
}

describe("a capture", () => {
  it("asks again every second until the node reports, and no more after that", async () => {
    const parts = setUp();
    await starts(parts, "n1");
    const { id } = await parts.captures.ask({ from: at(-5_000), to: at(0) });
    expect(await beats(parts, "n1")).toEqual([id]);
    expect(await wait(parts, 4_000, "n1")).toEqual([id, id, id, id]);
    await beats(parts, "n1", shipped(id, at(-5_000), at(0)));
    expect(parts.captures.get(id)).toMatchObject({ nodes: [{ state: "shipped" }] });
    expect(await wait(parts, 4_000, "n1")).toEqual([]);
  });

  it("calls a node silent after 10 s, asks on, and takes a late word", async () => {
    const parts = setUp();
    await starts(parts, "n1");
    const { id } = await parts.captures.ask({ from: at(-5_000), to: at(0) });
    const early = parts.captures.whenSettled(id, 60_000);
    await wait(parts, 9_500);
    expect(parts.captures.get(id)?.nodes[0]?.state).toBe("asked");
    await wait(parts, 1_000);
    expect((await early)?.nodes).toMatchObject([{ state: "silent", why: /10 s/ }].map(anyWhy));
    expect(stateOf(parts.captures.get(id) as never)).toBe("partial");
    expect(await beats(parts, "n1")).toEqual([id]);
    await beats(parts, "n1", shipped(id, at(-5_000), at(0)));
    expect(stateOf(parts.captures.get(id) as never)).toBe("done");
  });

  it("gives a node until 10 s after the range has ended", async () => {
    const parts = setUp();
    await starts(parts, "n1");
    const { id } = await parts.captures.ask({ from: at(-5_000), to: at(20_000) });
    expect(await beats(parts, "n1")).toEqual([id]);
    await wait(parts, 29_000);
    expect(parts.captures.get(id)?.nodes[0]?.state).toBe("asked");
    await wait(parts, 2_000);
    expect(parts.captures.get(id)?.nodes[0]?.state).toBe("silent");
  });

  it("does not call shipped what is known only to before its end", async () => {
    const parts = setUp();
    await starts(parts, "n1");
    const { id } = await parts.captures.ask({ from: at(-5_000), to: at(1_000) });
    const word = shipped(id, at(-5_000), at(1_000));
    await beats(parts, "n1", word);
    expect(parts.captures.get(id)?.nodes[0]?.state).toBe("asked");
    parts.timers.advance(1_500);
    await beats(parts, "n1");
    expect(parts.captures.get(id)?.nodes[0]?.state).toBe("shipped");
  });

  it("says what came, where a node reports more than arrives; and all, when it does", async () => {
    const parts = setUp();
    await starts(parts, "n1");
    const dropped = [
      aLostRange([2, 11], { firstT: at(-900), lastT: at(-100), reason: "not-captured" }),
    ];
    await beats(parts, "n1", {}, { firstSeq: 12, dropped });
    const { id } = await parts.captures.ask({ from: at(-1_000), to: at(-50) });
    const range = { from: formatHlc(at(-1_000)), to: formatHlc(at(-50)) };
    const report = { id, state: "shipped", ...range, firstSeq: 2, lastSeq: 11 };
    await beats(parts, "n1", { captures: [report] }, { firstSeq: 12 });
    await wait(parts, 11_000);
    expect(parts.captures.get(id)?.nodes).toMatchObject([
      { state: "partial", why: "10 of the events that it shipped have not arrived" },
    ]);
    const rows = Array.from({ length: 10 }, (_, i): Row => {
      const t = at(-900 + i * 80);
      return { t, kind: "set", log: "a", key: "x", value: i };
    });
    const late = aBatch(rows, { node: "n1", epoch: 1_000, firstSeq: 2, closed: at(-51) });
    await parts.ingest.submit(encodeBatch(late));
    expect(parts.captures.get(id)?.nodes).toMatchObject([{ state: "shipped" }]);
  });

  it("names no range where events that its state rests on were lost", async () => {
    const parts = setUp();
    await starts(parts, "n1");
    const { id } = await parts.captures.ask({ from: at(-1_000), to: at(-50) });
    const rows = Array.from({ length: 10 }, (_, i): Row => {
      const t = at(-900 + i * 80);
      return { t, kind: "set", log: "a", key: "x", value: i };
    });
    const later = aBatch(rows, { node: "n1", epoch: 1_000, firstSeq: 12, closed: at(-51) });
    await parts.ingest.submit(encodeBatch(later));
    const times = { firstT: at(-2_000), lastT: at(-1_500), reason: "refused" as const };
    const dropped = [aLostRange([6, 11], times)];
    const range = { from: formatHlc(at(-1_000)), to: formatHlc(at(-50)) };
    const report = { id, state: "partial", ...range, firstSeq: 8, lastSeq: 21 };
    await beats(parts, "n1", { captures: [report] }, { firstSeq: 22, dropped });
    const early = aBatch(
      Array.from({ length: 4 }, (_, i): Row => ({ t: at(-3_000 + i), kind: "mark", text: "m" })),
      { node: "n1", epoch: 1_000, firstSeq: 2, closed: at(-2_500) },
    );
    await parts.ingest.submit(encodeBatch(early));
    await wait(parts, 11_000);
    expect(parts.captures.get(id)?.nodes).toEqual([
      { node: "n1", state: "partial", why: "4 of the events that it shipped have not arrived" },
    ]);
  });

  it("is partial for a node that began anew in its range", async () => {
    const parts = setUp();
    await starts(parts, "n1");
    await starts(parts, "n1", { epoch: 2_000, ms: -3_000 });
    const { id } = await parts.captures.ask({ from: at(-5_000), to: at(0) });
    const word = shipped(id, at(-5_000), at(0));
    await beats(parts, "n1", word, { epoch: 2_000 });
    expect(parts.captures.get(id)?.nodes).toMatchObject([
      { state: "partial", from: at(-3_000), to: at(0), why: expect.stringMatching(/anew/) },
    ]);
  });

  it("asks a node that has not said yet how it ships, and calls it streaming when it has", async () => {
    const parts = setUp();
    await starts(parts, "n1", { status: null });
    const capture = await parts.captures.ask({ from: at(-5_000), to: at(0) });
    expect(capture.nodes).toEqual([{ node: "n1", state: "asked" }]);
    const word = { ...shipped(capture.id, at(-5_000), at(0)), stream: "all" };
    await beats(parts, "n1", word);
    expect(parts.captures.get(capture.id)?.nodes).toEqual([{ node: "n1", state: "streaming" }]);
  });

  it("asks the run that speaks, not a later one that messages alone tell of", async () => {
    const parts = setUp();
    await starts(parts, "n1");
    // n2 received a message from a run of n1 of which nothing ever arrived.
    const from = { node: "n1", epoch: 5_000, seq: 3 };
    const receive: Row = {
      ...{ t: at(-1_000), kind: "receive", from, sentT: at(-2_000), channel: "http" },
      ...{ peer: "n1", id: null, unverified: false, relayed: false },
    };
    const fields = { node: "n2", epoch: 1_000, closed: at(-900), status: { stream: "all" } };
    await parts.ingest.submit(encodeBatch(aBatch([join(-50_000, "n2"), receive], fields)));
    expect(parts.store.epochs().filter(({ node }) => node === "n1")).toHaveLength(2);
    const { nodes } = await parts.captures.ask({ from: at(-5_000), to: at(0) });
    expect(nodes).toEqual([
      { node: "n1", state: "asked" },
      { node: "n2", state: "streaming" },
    ]);
  });

  it("knows at once that a node has left, and names one that left inside the range", async () => {
    const parts = setUp();
    await starts(parts, "n1");
    const { id } = await parts.captures.ask({ from: at(-5_000), to: at(0) });
    const leave: Row = { t: at(10), kind: "leave" };
    const fields = { node: "n1", epoch: 1_000, firstSeq: 2, closed: at(10) };
    await parts.ingest.submit(encodeBatch(aBatch([leave], fields)));
    await wait(parts, 1_000);
    expect(parts.captures.get(id)?.nodes).toMatchObject([{ state: "silent", why: "it has left" }]);
    const later = await parts.captures.ask({ from: at(0), to: at(500) });
    expect(later.nodes).toMatchObject([{ node: "n1", state: "silent" }]);
    expect((await parts.captures.ask({ from: at(100), to: at(500) })).nodes).toEqual([]);
  });

  it("is refused beyond so many at a time, and for who is unknown", async () => {
    const parts = setUp();
    await starts(parts, "n1");
    const range = { from: at(-5_000), to: at(0) };
    await expect(parts.captures.ask({ ...range, nodes: ["n2"] })).rejects.toMatchObject({
      code: "unknown-node",
    });
    for (let i = 0; i < MAX_OPEN_CAPTURES; i += 1) await parts.captures.ask(range);
    await expect(parts.captures.ask(range)).rejects.toMatchObject({ code: "overloaded" });
    await wait(parts, 11_000);
    await expect(parts.captures.ask(range)).resolves.toMatchObject({ number: expect.anything() });
  });

  it("is not made if it cannot be kept; later states that cannot be are kept in memory", async () => {
    const store = new MemoryStore();
    const parts = setUp(store);
    await starts(parts, "n1");
    const write = store.writeCaptures.bind(store);
    const full = () => Promise.reject(new RetroError("disk-full", "full", { retriable: true }));
    store.writeCaptures = full;
    const range = { from: at(-5_000), to: at(0) };
    await expect(parts.captures.ask(range)).rejects.toMatchObject({ code: "disk-full" });
    expect(await beats(parts, "n1")).toEqual([]);
    store.writeCaptures = write;
    const { id } = await parts.captures.ask(range);
    store.writeCaptures = full;
    await beats(parts, "n1", shipped(id, range.from, range.to));
    await settled();
    expect(parts.failures).toHaveLength(1);
    expect(parts.captures.get(id)?.nodes).toMatchObject([{ state: "shipped" }]);
    store.writeCaptures = write;
    await parts.captures.ask({ from: at(-5_000), to: at(0) });
    await parts.captures.close();
  });

  it("is kept with at most so many others, over a restart too", async () => {
    const store = new MemoryStore();
    const first = setUp(store);
    await starts(first, "n1", { status: { pid: 1 } });
    for (let i = 0; i < MAX_CAPTURES + 5; i += 1) {
      await first.captures.ask({ from: at(-5_000 - i), to: at(0) });
    }
    await first.captures.close();
    expect(store.captures()).toHaveLength(MAX_CAPTURES);
    const second = setUp(store);
    expect(second.captures.list(10_000)).toEqual(first.captures.list(10_000));
    expect(second.captures.list(1)[0]?.from).toBe(at(-5_000 - MAX_CAPTURES - 4));
    const next = await second.captures.ask({ from: at(-1), to: at(0) });
    expect(next.number).toBe(MAX_CAPTURES + 6);
  });
});

function anyWhy<T extends { why: RegExp }>(part: T) {
  return { ...part, why: expect.stringMatching(part.why) };
}

describe("a trigger", () => {
  const trigger = (id: string, ms: number, reason = "p99"): { triggers: Json } => ({
    triggers: [{ id, t: formatHlc(at(ms)), reason }],
  });

  it("captures everywhere around its time, once that has gone by", async () => {
    const parts = setUp();
    for (const node of ["n1", "n2", "n3"]) await starts(parts, node);
    await starts(parts, "streams", { status: { pid: 1 } });
    await beats(parts, "n2", trigger("1-1", 0));
    await settled();
    const [capture] = parts.captures.list(10);
    expect(capture).toMatchObject({
      ...{ from: at(-10_000), to: at(2_000), reason: "p99" },
      triggers: [{ node: "n2", id: "1-1", t: at(0) }],
    });
    expect(await wait(parts, 1_500, "n1")).toEqual([]);
    await wait(parts, 1_000);
    for (const node of ["n1", "n2", "n3"]) expect(await beats(parts, node)).toEqual([capture?.id]);
    expect(parts.captures.get(capture?.id ?? "")?.nodes.map(({ state }) => state)).toEqual([
      ...["asked", "asked", "asked", "streaming"],
    ]);
  });

  it("is one with what it repeats and with what overlaps it", async () => {
    const parts = setUp();
    for (const node of ["n1", "n2"]) await starts(parts, node);
    await beats(parts, "n1", trigger("1-1", 0));
    await beats(parts, "n1", trigger("1-1", 0));
    await beats(parts, "n2", trigger("1-1", 1_000, "queue"));
    await settled();
    expect(parts.captures.list(10)).toMatchObject([
      {
        from: at(-10_000),
        to: at(3_000),
        reason: "p99",
        triggers: [{ node: "n1" }, { node: "n2" }],
      },
    ]);
    expect(parts.captures.triggerCounts).toMatchObject({ taken: 1, folded: 1, repeated: 1 });
  });

  // Simulator: it named the second only when its range had gone by, seconds later.
  it("is shown with what overlapped it while it was on its way to the store", async () => {
    const store = new MemoryStore();
    const parts = setUp(store);
    for (const node of ["n1", "n2"]) await starts(parts, node);
    const write = store.writeCaptures.bind(store);
    let letGo = (): void => {};
    store.writeCaptures = (captures) =>
      new Promise<void>((resolve) => {
        letGo = resolve;
      }).then(() => write(captures));
    await beats(parts, "n1", trigger("1-1", 0));
    await beats(parts, "n2", trigger("1-1", 1_000));
    store.writeCaptures = write;
    letGo();
    await settled();
    expect(parts.captures.list(10)).toMatchObject([
      { to: at(3_000), triggers: [{ node: "n1" }, { node: "n2" }] },
    ]);
  });

  it("makes no storm: one capture per node in 5 s, none of a nonsensical time", async () => {
    const parts = setUp();
    await starts(parts, "n1");
    await beats(parts, "n1", trigger("1-1", 0));
    await wait(parts, 2_500, "n1");
    const [first] = parts.captures.list(1);
    await beats(parts, "n1", shipped(first?.id ?? "", at(-10_000), at(2_000)));
    await beats(parts, "n1", trigger("1-2", 2_500));
    await beats(parts, "n1", trigger("1-3", 100_000));
    await beats(parts, "n1", trigger("1-4", -7_200_000));
    expect(parts.captures.triggerCounts).toMatchObject({ taken: 1, limited: 1, refused: 2 });
    await wait(parts, 3_000, "n1");
    await beats(parts, "n1", trigger("1-5", 5_500));
    expect(parts.captures.triggerCounts.taken).toBe(2);
  });

  it("that came just before the collector ended becomes a capture of the next one, once", async () => {
    const store = new MemoryStore();
    const first = setUp(store);
    await starts(first, "n1");
    // Durable with the batch; this collector ends before it has kept the capture.
    store.writeCaptures = () => new Promise(() => {});
    await beats(first, "n1", trigger("1-1", 0));
    const rest = Object.getPrototypeOf(store) as HistoryStore;
    store.writeCaptures = rest.writeCaptures;
    const second = setUp(store, first.timers);
    second.captures.start();
    await settled();
    expect(second.captures.list(10)).toMatchObject([{ triggers: [{ id: "1-1" }] }]);
    const third = setUp(store, first.timers);
    third.captures.start();
    await settled();
    expect(third.captures.list(10)).toHaveLength(1);
    expect(third.captures.triggerCounts).toMatchObject({ taken: 0, repeated: 1 });
  });
});

describe("what agents say", () => {
  it.each<[string, Json]>([
    ["no list", { captures: "c1", triggers: 7 }],
    ["things that are no reports", { captures: [null, 1, [], {}], triggers: [null, {}, []] }],
    [
      "strange fields",
      {
        captures: [
          { id: 1, state: "shipped" },
          { id: "c1-1", state: "sunk" },
        ],
      },
    ],
    ["strange times", { triggers: [{ id: "1", t: "yesterday", reason: 1 }] }],
    ["captures of nobody", { captures: [{ id: "c99-1", state: "shipped" }] }],
  ])("may be %s: nothing comes of it", async (_what, status) => {
    const parts = setUp();
    await starts(parts, "n1");
    const { id } = await parts.captures.ask({ from: at(-5_000), to: at(0) });
    await beats(parts, "n1", status as { [name: string]: Json });
    expect(parts.captures.get(id)?.nodes).toEqual([{ node: "n1", state: "asked" }]);
    expect(parts.captures.list(10)).toHaveLength(1);
    expect(parts.failures).toEqual([]);
  });
});
