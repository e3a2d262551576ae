/**
 * Batches for tests, from rows: the slow and obvious way, as an oracle for the columns.
 *
 * `aBatch([...])` builds one from rows without seq; `batchArbitrary` gives random ones to fast-check;
 * `readable` is the JSON in which golden fixtures are written.
 */
import fc from "fast-check";
import type {
  Batch,
  BatchHeader,
  EventBody,
  Json,
  RetroEvent,
  Value,
} from "../../agent/kernel/index.ts";
import {
  BatchBuilder,
  DROP_REASONS,
  eventsOf,
  type Hlc,
  isChangeCode,
  KindCode,
  MAX_HLC,
  MIN_HLC,
  SIDE_STREAMS,
  toJsonForm,
  ValueSet,
} from "../../agent/kernel/index.ts";

/** An event without its seq: a batch gives it. */
export type Row = RetroEvent extends infer E
  ? E extends RetroEvent
    ? Omit<E, "seq">
    : never
  : never;

export interface BatchFields {
  readonly node?: string;
  readonly service?: string;
  readonly epoch?: number;
  readonly firstSeq?: number;
  readonly closed?: Hlc;
  readonly dropped?: BatchHeader["dropped"];
  readonly imported?: boolean;
  readonly status?: Json | null;
}

/** A batch of rows, which must be in time order. `closed` is the last t unless given. */
export function aBatch(rows: readonly Row[], fields: BatchFields = {}): Batch {
  const builder = new BatchBuilder();
  for (const row of rows) {
    const code = KindCode[row.kind];
    if (!isChangeCode(code)) {
      const { t, ...body } = row;
      builder.body(t, body as EventBody);
    } else if ("log" in row && "key" in row) {
      const value = "value" in row ? row.value : undefined;
      builder.change(row.t, code, row.log, row.key, value, "cutShort" in row);
    }
  }
  return builder.build({
    node: "n1",
    service: "shop",
    epoch: 1,
    firstSeq: 1,
    closed: rows.at(-1)?.t ?? (0 as Hlc),
    ...fields,
  });
}

/** The events of a batch as text in which every difference shows: -0, sets, maps, the order of keys. */
export function exactText(batch: Batch): string {
  const sideBlocks = batch.sideBlocks?.map((block) => ({ ...block, bytes: [...block.bytes] }));
  return exactJson([batch.header, [...eventsOf(batch)], sideBlocks]);
}

/** Events, or what they hold, as such text. */
export function exactJson(any: unknown): string {
  return JSON.stringify(any, (_key, value: unknown) => {
    if (Object.is(value, -0)) return "-0";
    if (value instanceof ValueSet) return { set: value.members };
    if (value instanceof Map) return { map: [...value] };
    return value;
  });
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** A batch as plain JSON for people: values in JSON form, stamps as integers. */
export function readable(batch: Batch): Json {
  const events = [...eventsOf(batch)].map((event) => {
    if (event.kind === "keyframe") {
      const state = Object.fromEntries([...event.state].map(([k, v]) => [k, toJsonForm(v)]));
      return { ...event, state };
    }
    return "value" in event ? { ...event, value: toJsonForm(event.value) } : event;
  });
  const sideBlocks = batch.sideBlocks?.map((block) => ({ ...block, bytes: hexOf(block.bytes) }));
  return JSON.parse(JSON.stringify({ header: batch.header, events, sideBlocks })) as Json;
}

const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "b", "stock", "carts", "n1", "__proto__", "é😀") },
  { weight: 2, arbitrary: fc.string({ unit: "grapheme", maxLength: 12 }) },
  { weight: 1, arbitrary: fc.string({ minLength: 60, maxLength: 80 }) },
);
const nodeId = name.filter((text) => text !== "");
const text = fc.oneof(name, fc.string({ unit: "binary", maxLength: 80 }));
/** Whole numbers around every edge of the varints, and any double that JSON knows. */
const number = fc.oneof(
  fc.integer({ min: -3, max: 300 }),
  fc
    .tuple(fc.integer({ min: 0, max: 53 }), fc.integer({ min: -2, max: 2 }), fc.boolean())
    .map(([bits, step, isNegative]) => (2 ** bits + step) * (isNegative ? -1 : 1)),
  fc.double({ noDefaultInfinity: true, noNaN: true }),
);
const json: fc.Arbitrary<Json> = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    number,
    text,
    fc.array(tie("json"), { maxLength: 4 }),
    fc.dictionary(name, tie("json"), { maxKeys: 4, noNullPrototype: false }),
  ),
})).json;
const set = fc.array(json, { maxLength: 5 }).map((members) => ValueSet.of(members));
const value: fc.Arbitrary<Value> = fc.oneof({ weight: 4, arbitrary: json }, set);
const microseconds = fc.oneof(fc.nat({ max: 10_000 }), fc.maxSafeNat());
const seq = fc.oneof(
  fc.integer({ min: 1, max: 50 }),
  fc.maxSafeNat().map((n) => Math.max(1, n)),
);
const nullable = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(arbitrary, { nil: null, freq: 2 });
const stamp = fc
  .oneof(
    fc.integer({ min: -5_000, max: 5_000 }),
    fc.constantFrom<number>(MIN_HLC, MAX_HLC),
    fc.maxSafeInteger().filter((t) => t >= MIN_HLC),
  )
  .map((t) => t as Hlc);
/** In part of the batches none of a request's later fields is said: those are written as by older writers. */
const interval = { to: name, startUs: microseconds, us: microseconds };
const lead = fc.integer({ min: -(2 ** 40), max: 2 ** 40 });
const callMore = {
  sendSeq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  leadUs: lead,
  firstByteUs: fc.nat({ max: 2 ** 40 }),
  operation: name,
  outcome: name,
};
const waitMore = { kind: fc.constantFrom("pool" as const, "lock" as const), downstream: name };
const required = { requiredKeys: ["to", "startUs", "us"] as ("to" | "startUs" | "us")[] };
const few = { maxLength: 3 };
const untimed = fc.record({
  calls: fc.array(fc.record(interval), few),
  waits: fc.array(fc.record(interval), few),
});
const timed = fc.record(
  {
    calls: fc.array(fc.record({ ...interval, ...callMore }, required), few),
    waits: fc.array(fc.record({ ...interval, ...waitMore }, required), few),
    /** Made a stamp once t is known: so many ticks before it. */
    arrived: fc.nat({ max: 2 ** 40 }).map((ticks) => ticks as Hlc),
    leadUs: lead,
    derived: fc.constant(true as const),
  },
  { requiredKeys: ["calls", "waits"] },
);
const cutShort = fc.oneof(
  { weight: 5, arbitrary: fc.constant({}) },
  fc.constant({ cutShort: true as const }),
);

type Body = Row extends infer R ? (R extends Row ? Omit<R, "t"> : never) : never;

const body: fc.Arbitrary<Body> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(name, name, value, cutShort)
      .map(([log, key, v, cut]) => ({ kind: "set" as const, log, key, value: v, ...cut })),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("set" as const),
      log: name,
      key: name,
      value: number,
    }),
  },
  fc.record({ kind: fc.constant("delete" as const), log: name, key: name }),
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom("add" as const, "remove" as const), name, name, json, cutShort)
      .map(([kind, log, key, v, cut]) => ({ kind, log, key, value: v, ...cut })),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      channel: name,
      to: nullable(name),
      peer: nullable(name),
      id: nullable(name),
      replaces: nullable(fc.constant(1)),
      failed: fc.boolean(),
      streamed: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("receive" as const),
      channel: name,
      from: nullable(fc.record({ node: nodeId, epoch: fc.nat({ max: 2 }), seq })),
      sentT: nullable(stamp),
      peer: nullable(name),
      id: nullable(name),
      unverified: fc.boolean(),
      relayed: fc.boolean(),
    }),
  },
  fc
    .tuple(
      fc.record({
        kind: fc.constant("request" as const),
        operation: name,
        residenceUs: microseconds,
        outcome: name,
      }),
      fc.oneof(untimed, timed),
    )
    .map(([request, times]) => ({ ...request, ...times })),
  fc.record({ kind: fc.constant("mark" as const), text }),
  fc.record({
    kind: fc.constant("keyframe" as const),
    log: name,
    state: fc.array(fc.tuple(name, value), { maxLength: 5 }).map((entries) => new Map(entries)),
  }),
  fc.record({
    kind: fc.constant("join" as const),
    service: name,
    tags: fc.dictionary(name, name, { maxKeys: 3 }),
    instance: name,
  }),
  fc.record({ kind: fc.constant("leave" as const) }),
);

/** Steps of time: ties, ticks, milliseconds, years. */
const step = fc.oneof(
  fc.constant(0),
  fc.nat({ max: 300 }),
  fc.nat({ max: 10_000_000 }),
  fc.integer({ min: 0, max: 2 ** 46 }),
);

const lostRanges = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 1, max: 1_000 }),
      length: fc.nat({ max: 2 ** 40 }),
      firstT: stamp,
      ticks: step,
      logs: nullable(fc.array(name, { maxLength: 3 })),
      messages: fc.boolean(),
      reason: fc.constantFrom(...DROP_REASONS),
    }),
    { maxLength: 3 },
  )
  .map((ranges) => {
    let last = 0;
    return ranges.map(({ gap, length, firstT, ticks, logs, messages, reason }) => {
      const firstSeq = last + gap;
      last = firstSeq + length;
      const lastT = Math.min(MAX_HLC, firstT + ticks) as Hlc;
      return { firstSeq, lastSeq: last, firstT, lastT, logs, messages, reason };
    });
  });

/** Any batch that may be: all kinds, negative stamps, ties, strange names, lost ranges, a status. */
export const batchArbitrary: fc.Arbitrary<Batch> = fc
  .record({
    bodies: fc.array(fc.tuple(step, body), { maxLength: 30 }),
    start: fc.integer({ min: -5, max: 5 }).map((n) => n * 10 ** 14),
    rest: fc.record({
      node: nodeId,
      service: name,
      epoch: fc.maxSafeNat(),
      firstSeq: fc.integer({ min: 2, max: 2 ** 40 }),
      dropped: lostRanges,
      imported: fc.boolean(),
      // A status travels as JSON text, which does not know -0.
      status: fc.oneof(
        fc.constant(null),
        json.map((status) => JSON.parse(JSON.stringify(status)) as Json),
      ),
    }),
    lag: step,
  })
  .map(({ bodies, start, rest, lag }) => {
    let t = start;
    const rows = bodies.map(([ticks, inner]) => {
      t += ticks;
      const row = { t: t as Hlc, ...inner } as unknown as Row;
      if (row.kind !== "request" || row.arrived === undefined) return row;
      return { ...row, arrived: Math.max(MIN_HLC, t - row.arrived) as Hlc };
    });
    return aBatch(rows, { ...rest, closed: (t + lag) as Hlc } as BatchFields);
  });

/** The same, and in half of them side blocks of any content. */
export const batchWithSideBlocks: fc.Arbitrary<Batch> = fc
  .tuple(
    batchArbitrary,
    fc.uniqueArray(
      fc.record({
        stream: fc.constantFrom(...SIDE_STREAMS),
        second: fc.oneof(fc.nat({ max: 3 }), fc.maxSafeNat()),
        part: fc.nat({ max: 2 }),
        bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
      }),
      { maxLength: 3, selector: ({ stream, second, part }) => `${stream}/${second}/${part}` },
    ),
  )
  .map(([batch, sideBlocks]) => (sideBlocks.length === 0 ? batch : { ...batch, sideBlocks }));
