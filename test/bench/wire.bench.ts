/**
 * P5: bytes and speed of the wire format, on mixed events, beside JSON and msgpackr records.
 *
 * Each side begins with what it needs (columns here, an array of event objects there) and ends with
 * bytes; then back. msgpackr has its record extension on, which is its fastest and smallest form.
 */
import { deflateRawSync } from "node:zlib";
import { Packr } from "msgpackr";
import type { Batch, Json, RetroEvent } from "#dist/agent/kernel/index.js";
import {
  BatchBuilder,
  decodeBatch,
  encodeBatch,
  eventsOf,
  type Hlc,
  toJsonForm,
} from "#dist/agent/kernel/index.js";
import type { Figure } from "./figure.ts";
import { interleave, type Measured } from "./support.ts";
import { MixedEvents } from "./wire-workload.ts";

export const title = "bytes and speed of the wire format (P5)";

const EVENTS = 400_000;
const ROUNDS = 7;
const SEED = 1;
const START = 890_000_000_000_000 as Hlc;
/** What an agent sends at a time, and what a stream under load grows to. */
const BATCH_SIZES = [500, 4_096];

export async function run(report: (figure: Figure) => void): Promise<void> {
  for (const size of BATCH_SIZES) await runSize(size, report);
}

async function runSize(size: number, report: (figure: Figure) => void): Promise<void> {
  const batches = makeBatches(size);
  const rows = batches.map((batch) => [...eventsOf(batch)].map(plainRow));
  const frames = batches.map(encodeBatch);
  const packr = new Packr({ useRecords: true });
  const texts = rows.map((row) => JSON.stringify(row));
  const packs = rows.map((row) => Uint8Array.from(packr.pack(row)));
  const count = batches.length * size;
  const speed = await interleave({
    rounds: ROUNDS,
    warmUpRounds: 2,
    candidates: {
      encode: () => eventsPerSecond(count, () => sum(batches, (b) => encodeBatch(b).length)),
      encodeJson: () => eventsPerSecond(count, () => sum(rows, (r) => JSON.stringify(r).length)),
      encodePack: () => eventsPerSecond(count, () => sum(rows, (r) => packr.pack(r).length)),
      decode: () => eventsPerSecond(count, () => sum(frames, (f) => decodeBatch(f).events.count)),
      decodeJson: () => eventsPerSecond(count, () => sum(texts, (x) => JSON.parse(x).length)),
      decodePack: () => eventsPerSecond(count, () => sum(packs, (p) => packr.unpack(p).length)),
      build: () => eventsPerSecond(count, () => rebuild(batches)),
    },
  });
  const workload =
    `${count.toLocaleString("en-US")} mixed events in batches of ${size} ` +
    `(64% numbers, 12% texts, 3% objects, 5% deletes and sets, 14% messages, 1.5% requests, ` +
    `marks, keyframes; some 900 variables), seed ${SEED}, median of ${ROUNDS} rounds`;
  const bytesOf = (list: readonly { length: number }[]): number =>
    sum(list, (x) => x.length) / count;
  const deflated = (list: readonly (Uint8Array | string)[]): number =>
    sum(list, (x) => deflateRawSync(x).length) / count;
  const figure = (
    metric: string,
    value: number,
    unit: string,
    against: readonly [string, number],
    goal?: Figure["goal"],
  ): void =>
    report({
      metric: `${metric} (${size})`,
      value,
      unit,
      better: unit === "bytes" ? "lower" : "higher",
      against: { what: against[0], value: against[1] },
      ...(goal ? { goal } : {}),
      workload,
    });
  const { encode, decode, build } = speed;
  figure("event, raw", bytesOf(frames), "bytes", ["msgpackr", bytesOf(packs)], { atMost: 20 });
  figure("event, raw", bytesOf(frames), "bytes", ["JSON", bytesOf(texts)]);
  figure("event, deflated", deflated(frames), "bytes", ["msgpackr", deflated(packs)], {
    atMost: 10,
  });
  figure("event, deflated", deflated(frames), "bytes", ["JSON", deflated(texts)]);
  const rate = (metric: string, ours: Measured, what: string, rival: Measured): void =>
    figure(metric, ours.median, "events/s", [what, rival.median], { atLeast: 5_000_000 });
  rate("encode", encode, "msgpackr", speed.encodePack);
  rate("encode", encode, "JSON", speed.encodeJson);
  rate("decode", decode, "msgpackr", speed.decodePack);
  rate("decode", decode, "JSON", speed.decodeJson);
  figure("collect into columns", build.median, "events/s", ["encode", encode.median]);
}

function makeBatches(size: number): Batch[] {
  const events = new MixedEvents(SEED, START);
  const builder = new BatchBuilder();
  const batches: Batch[] = [];
  for (let seq = 1; seq < EVENTS; seq += size) {
    events.addTo(builder, size);
    batches.push(
      builder.build({
        node: "cart@host7-412",
        service: "cart",
        epoch: 217_123_456_789,
        firstSeq: seq,
        closed: events.t,
      }),
    );
    builder.reset();
  }
  return batches;
}

/** The same events through a builder again, variables by their small integers, as handles do. */
function rebuild(batches: readonly Batch[]): number {
  const builder = new BatchBuilder();
  let total = 0;
  for (const { header, events } of batches) {
    const { count, t, kind, ref, valueTag, valueNumber, values } = events;
    const indexes = events.variables.map(({ log, key }) => builder.variableIndex(log, key));
    for (let i = 0; i < count; i += 1) {
      const code = kind[i] as number;
      const body = code > 3 ? events.bodies[ref[i] as number] : undefined;
      if (body !== undefined) builder.body(t[i] as Hlc, body);
      else {
        const tag = valueTag[i] as number;
        const number = valueNumber[i] as number;
        const value = tag === 4 ? number : tag === 0 ? undefined : values[number];
        builder.changeAt(t[i] as Hlc, code, indexes[ref[i] as number] as number, value);
      }
    }
    total += builder.build(header).events.count;
    builder.reset();
  }
  return total;
}

/** As a program would hold it without us: plain objects, sets as arrays of members. */
function plainRow(event: RetroEvent): Json {
  if (event.kind !== "keyframe") return event as unknown as Json;
  const state = Object.fromEntries([...event.state].map(([key, v]) => [key, toJsonForm(v)]));
  return { ...event, state } as unknown as Json;
}

function eventsPerSecond(count: number, work: () => number): number {
  const start = process.hrtime.bigint();
  const result = work();
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (!(result > 0)) throw new Error("nothing was measured");
  return count / seconds;
}

function sum<T>(list: readonly T[], of: (item: T) => number): number {
  let total = 0;
  for (const item of list) total += of(item);
  return total;
}
