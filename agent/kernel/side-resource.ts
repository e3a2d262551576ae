/**
 * Stalls, GC pauses, waits and samples of one second as bytes.
 *
 *     version        1
 *     names          count, each as length and UTF-8: signals, kinds of GC, pools; in order of first use
 *     gaps           count, then (start, length)...
 *     gc             count, then (start, length, kind, heap)...
 *     waits          count, then (name, kind (0 pool, 1 lock), start, length, downstream + 1 or 0)...
 *     clocks         count of distinct lists of times; each: count, then the steps between its times
 *     signals        count, then each: name, its clock, the steps between its values
 *     unavailable    count, names
 *
 * Starts and times may be negative, or past the second: they are folded (zigzag), and so are steps. Signals that
 * were read in the same ticks share their times. Reads that found the same value cost a byte.
 */
import { ByteReader, unzigzag } from "./byte-reader.ts";
import { ByteWriter, zigzag } from "./byte-writer.ts";
import type { ResourceSecond } from "./side-block.ts";
import { type ReadNames, readNames, SideNames, sideBytes, wholeNumber } from "./side-bytes.ts";
import { badBatch, checkLimit, WIRE_LIMITS } from "./wire-limits.ts";
import { isWireInteger, readCount } from "./wire-values.ts";

const VERSION = 1;
/** What `zigzag` can fold; the step between two values may be near it. */
const FOLD_BOUND = 2 ** 52;

// Scratch, used within one call and never across.
const out = new ByteWriter();
const body = new ByteWriter();

/**
 * One second as bytes. All numbers are whole; starts, times and values may be negative.
 * @throws RetroError `bad-batch`, `too-large`: a fraction, a signal whose times and values do not pair
 */
export function encodeResources(second: ResourceSecond): Uint8Array {
  const { gaps, gc, signals, unavailable, waits } = second;
  const names = new SideNames();
  const name = (text: string): void => body.varint(names.index(text));
  try {
    writeRows(gaps, (gap) => writeInterval(gap));
    writeRows(gc, (pause) => {
      writeInterval(pause);
      name(pause.kind);
      body.varint(wholeNumber(pause.heapBytes));
    });
    writeRows(waits, (wait) => {
      name(wait.name);
      body.byte(wait.kind === "pool" ? 0 : 1);
      writeInterval(wait);
      body.varint(wait.downstream === null ? 0 : names.index(wait.downstream) + 1);
    });
    writeSignals(signals, name);
    checkLimit("unavailable signals", unavailable.length, WIRE_LIMITS.sideNames);
    body.varint(unavailable.length);
    for (const signal of unavailable) name(signal);
    return sideBytes(out, VERSION, () => {
      names.writeTo(out);
      out.raw(body.bytes.subarray(0, body.pos));
    });
  } finally {
    body.clear();
  }
}

function writeRows<Row>(rows: readonly Row[], write: (row: Row) => void): void {
  checkLimit("rows of a resource block", rows.length, WIRE_LIMITS.resourceRows);
  body.varint(rows.length);
  for (const row of rows) write(row);
}

function writeInterval({ startUs, lengthUs }: ResourceSecond["gaps"][number]): void {
  body.varint(folded(startUs));
  body.varint(wholeNumber(lengthUs));
}

function writeSignals(signals: ResourceSecond["signals"], name: (text: string) => void): void {
  const clocks = new Map<string, number>();
  const ofSignal = signals.map(({ atUs, values }) => {
    if (atUs.length !== values.length) badBatch("samples without their times");
    checkLimit("samples of a signal", atUs.length, WIRE_LIMITS.signalSamples);
    const key = atUs.join();
    const clock = clocks.get(key) ?? clocks.size;
    clocks.set(key, clock);
    return clock;
  });
  checkLimit("signals", signals.length, WIRE_LIMITS.sideNames);
  body.varint(clocks.size);
  for (let clock = 0; clock < clocks.size; clock += 1) {
    const { atUs } = signals[ofSignal.indexOf(clock)] as ResourceSecond["signals"][number];
    body.varint(atUs.length);
    writeSteps(atUs);
  }
  body.varint(signals.length);
  signals.forEach((signal, i) => {
    name(signal.name);
    body.varint(ofSignal[i] as number);
    writeSteps(signal.values);
  });
}

function writeSteps(values: readonly number[]): void {
  let before = 0;
  for (const value of values) {
    if (!isWireInteger(value)) badBatch(`the number ${value} in a side block`);
    body.varint(folded(value - before));
    before = value;
  }
}

/**
 * What `encodeResources` was given.
 * @throws RetroError `bad-batch`, `too-large`, `unsupported-version`
 */
export function decodeResources(bytes: Uint8Array): ResourceSecond {
  const reader = new ByteReader(bytes);
  const names = readNames(reader, VERSION);
  const gaps = readRows(reader, () => readInterval(reader));
  const gc = readRows(reader, () => ({
    ...readInterval(reader),
    kind: names.at(reader.varint()),
    heapBytes: reader.varint(),
  }));
  const waits = readRows(reader, () => readWait(reader, names));
  const signals = readSignals(reader, names);
  const unavailable = Array.from({ length: readCount(reader) }, () => names.at(reader.varint()));
  checkLimit("unavailable signals", unavailable.length, WIRE_LIMITS.sideNames);
  names.checkUsed();
  if (reader.remaining > 0) badBatch("bytes after the resources");
  return { gaps, gc, signals, unavailable, waits };
}

function readRows<Row>(reader: ByteReader, read: () => Row): Row[] {
  const count = readCount(reader);
  checkLimit("rows of a resource block", count, WIRE_LIMITS.resourceRows);
  return Array.from({ length: count }, read);
}

function readInterval(reader: ByteReader): ResourceSecond["gaps"][number] {
  return { startUs: unzigzag(reader.varint()), lengthUs: reader.varint() };
}

function readWait(reader: ByteReader, names: ReadNames): ResourceSecond["waits"][number] {
  const name = names.at(reader.varint());
  const kind = reader.byte();
  if (kind > 1) badBatch("a wait of no kind");
  const interval = readInterval(reader);
  const downstream = reader.varint();
  return {
    ...{ name, kind: kind === 0 ? "pool" : "lock", ...interval },
    downstream: downstream === 0 ? null : names.at(downstream - 1),
  };
}

function readSignals(reader: ByteReader, names: ReadNames): ResourceSecond["signals"] {
  const clockCount = readCount(reader);
  checkLimit("signals", clockCount, WIRE_LIMITS.sideNames);
  const clocks = Array.from({ length: clockCount }, () => {
    const count = reader.varint();
    checkLimit("samples of a signal", count, WIRE_LIMITS.signalSamples);
    return readSteps(reader, count);
  });
  if (new Set(clocks.map((clock) => clock.join())).size !== clockCount)
    badBatch("times told twice");
  const count = readCount(reader);
  checkLimit("signals", count, WIRE_LIMITS.sideNames);
  let used = 0;
  const signals = Array.from({ length: count }, () => {
    const name = names.at(reader.varint());
    const clock = reader.varint();
    if (clock > used) badBatch("times used before their turn");
    if (clock === used) used += 1;
    const atUs = clocks[clock] ?? badBatch("times that are not listed");
    return { name, atUs, values: readSteps(reader, atUs.length) };
  });
  if (used !== clockCount) badBatch("times that no signal has");
  return signals;
}

function readSteps(reader: ByteReader, count: number): number[] {
  let value = 0;
  return Array.from(reader.column(count), (step) => {
    value += unzigzag(step);
    if (!isWireInteger(value)) badBatch("a number out of range");
    return value;
  });
}

function folded(value: number): number {
  if (!Number.isSafeInteger(value) || Math.abs(value) >= FOLD_BOUND) {
    badBatch(`the number ${value} in a side block`);
  }
  return zigzag(value);
}
