/**
 * Sends and receives on the wire, a column per field; a field that is null is not there at all.
 *
 *     epochs      count, (index of the node, epoch)...     of the sends received, by first use
 *
 *     sends       flags     byte: 0 to, 1 peer, 2 id, 3 replaces, 4 failed, 5 streamed
 *                 channel   index of the name
 *                 to, peer, id                             indexes, of those that have one
 *                 replaces  seq - replaces
 *
 *     receives    flags     byte: 0 from, 1 sentT, 2 peer, 3 id, 4 unverified, 5 relayed, 6 wide
 *                 channel   index of the name
 *                 epoch     0 = the next of `epochs`, n = epoch n - 1
 *                 seq       zigzag: minus the last seq received from that epoch in this batch
 *                 sentT     zigzag: t - sentT
 *                 peer, id                                 indexes, of those that have one
 *                 wide      doubles: seq if `from`, sentT if there; instead of their varints
 *
 * `wide` is for numbers that a hostile or broken peer put into its header: they must not break our
 * batch. Hot: bench `wire`.
 */
import type { EventBody, EventColumns } from "./batch.ts";
import { type ByteReader, unzigzag } from "./byte-reader.ts";
import { type ByteWriter, zigzag } from "./byte-writer.ts";
import type { EventRef, ReceiveEvent, SendEvent } from "./event.ts";
import type { Hlc } from "./hlc.ts";
import { checkStamp } from "./wire-header.ts";
import { badBatch } from "./wire-limits.ts";
import type { StringTable, StringTableWriter } from "./wire-strings.ts";
import { readCount } from "./wire-values.ts";

const TO = 1;
const PEER = 2;
const ID = 4;
const REPLACES = 8;
const FAILED = 16;
const STREAMED = 32;
const SEND_FLAGS = 63;

const FROM = 1;
const SENT_T = 2;
const FROM_PEER = 4;
const FROM_ID = 8;
const UNVERIFIED = 16;
const RELAYED = 32;
const WIDE = 64;
const RECEIVE_FLAGS = 127;

/** Differences within this travel as varints. */
const NARROW = 2 ** 51;

type Send = Omit<SendEvent, "seq" | "t">;
type Receive = Omit<ReceiveEvent, "seq" | "t">;

/** Where the bodies of one kind are: at event `at[j]`. */
export type EventIndexes = readonly number[];

export function writeSends(
  out: ByteWriter,
  strings: StringTableWriter,
  events: EventColumns,
  at: EventIndexes,
  firstSeq: number,
): void {
  const sends = bodiesAt<Send>(events, at);
  for (const send of sends) {
    out.byte(
      (send.to === null ? 0 : TO) |
        (send.peer === null ? 0 : PEER) |
        (send.id === null ? 0 : ID) |
        (send.replaces === null ? 0 : REPLACES) |
        (send.failed ? FAILED : 0) |
        (send.streamed ? STREAMED : 0),
    );
  }
  for (const send of sends) out.varint(strings.name(send.channel));
  for (const send of sends) if (send.to !== null) out.varint(strings.name(send.to));
  for (const send of sends) if (send.peer !== null) out.varint(strings.name(send.peer));
  for (const send of sends) if (send.id !== null) out.varint(strings.name(send.id));
  for (let j = 0; j < sends.length; j += 1) {
    const { replaces } = sends[j] as Send;
    if (replaces === null) continue;
    const seq = firstSeq + (at[j] as number);
    if (!(replaces >= 1 && replaces < seq)) badBatch("a send that replaces no earlier one");
    out.varint(seq - replaces);
  }
}

export function readSends(
  reader: ByteReader,
  strings: StringTable,
  into: EventBody[],
  events: EventColumns,
  at: EventIndexes,
  firstSeq: number,
): void {
  const count = at.length;
  const flags = readFlags(reader, count, SEND_FLAGS);
  const channels = reader.column(count);
  const to = reader.column(countWith(flags, TO));
  const peers = reader.column(countWith(flags, PEER));
  const ids = reader.column(countWith(flags, ID));
  const replaced = reader.column(countWith(flags, REPLACES));
  let nextTo = 0;
  let nextPeer = 0;
  let nextId = 0;
  let nextReplaced = 0;
  for (let j = 0; j < count; j += 1) {
    const flag = flags[j] as number;
    const i = at[j] as number;
    let replaces: number | null = null;
    if (flag & REPLACES) {
      const back = replaced[nextReplaced++] as number;
      replaces = firstSeq + i - back;
      if (back === 0 || replaces < 1) badBatch("a send that replaces no earlier one");
    }
    into[events.ref[i] as number] = {
      kind: "send",
      channel: strings.name(channels[j] as number),
      to: flag & TO ? strings.name(to[nextTo++] as number) : null,
      peer: flag & PEER ? strings.name(peers[nextPeer++] as number) : null,
      id: flag & ID ? strings.name(ids[nextId++] as number) : null,
      replaces,
      failed: (flag & FAILED) !== 0,
      streamed: (flag & STREAMED) !== 0,
    };
  }
}

export function writeReceives(
  out: ByteWriter,
  strings: StringTableWriter,
  events: EventColumns,
  at: EventIndexes,
): void {
  const receives = bodiesAt<Receive>(events, at);
  const sources = numberSources(receives, strings);
  out.varint(sources.table.length / 2);
  out.varints(sources.table, sources.table.length);
  const flags = new Uint8Array(receives.length);
  const seqSteps: number[] = [];
  const lastSeq = new Float64Array(sources.table.length / 2);
  for (let j = 0; j < receives.length; j += 1) {
    const { from, sentT, peer, id, unverified, relayed } = receives[j] as Receive;
    let flag = (unverified ? UNVERIFIED : 0) | (relayed ? RELAYED : 0);
    let seqStep = 0;
    if (from !== null) {
      if (!Number.isSafeInteger(from.seq) || from.seq < 1) badBatch("a send without its seq");
      flag |= FROM;
      seqStep = from.seq - (lastSeq[sources.at[j] as number] as number);
      if (Math.abs(seqStep) >= NARROW) flag |= WIDE;
    }
    if (sentT !== null) {
      checkStamp(sentT);
      flag |= SENT_T;
      if (Math.abs((events.t[at[j] as number] as number) - sentT) >= NARROW) flag |= WIDE;
    }
    if (from !== null && !(flag & WIDE)) {
      seqSteps.push(zigzag(seqStep));
      lastSeq[sources.at[j] as number] = from.seq;
    }
    if (peer !== null) flag |= FROM_PEER;
    if (id !== null) flag |= FROM_ID;
    flags[j] = flag;
  }
  out.raw(flags);
  for (const receive of receives) out.varint(strings.name(receive.channel));
  out.varints(sources.codes, sources.codes.length);
  out.varints(seqSteps, seqSteps.length);
  for (let j = 0; j < receives.length; j += 1) {
    const { sentT } = receives[j] as Receive;
    if (sentT === null || (flags[j] as number) & WIDE) continue;
    out.varint(zigzag((events.t[at[j] as number] as number) - sentT));
  }
  for (const { peer } of receives) if (peer !== null) out.varint(strings.name(peer));
  for (const { id } of receives) if (id !== null) out.varint(strings.name(id));
  for (let j = 0; j < receives.length; j += 1) {
    if (!((flags[j] as number) & WIDE)) continue;
    const { from, sentT } = receives[j] as Receive;
    if (from !== null) out.float64(from.seq);
    if (sentT !== null) out.float64(sentT);
  }
}

/** Numbers the (node, epoch) pairs that sends came from, by first use. */
function numberSources(
  receives: readonly Receive[],
  strings: StringTableWriter,
): { table: number[]; codes: number[]; at: number[] } {
  const table: number[] = [];
  const codes: number[] = [];
  const at: number[] = [];
  const known = new Map<string, Map<number, number>>();
  for (const { from } of receives) {
    if (from === null) {
      at.push(-1);
      continue;
    }
    let epochs = known.get(from.node);
    if (epochs === undefined) {
      epochs = new Map();
      known.set(from.node, epochs);
    }
    const index = epochs.get(from.epoch);
    if (index !== undefined) {
      codes.push(index + 1);
      at.push(index);
      continue;
    }
    if (!Number.isSafeInteger(from.epoch) || from.epoch < 0) badBatch("a send without its epoch");
    const next = table.length / 2;
    epochs.set(from.epoch, next);
    table.push(strings.name(from.node), from.epoch);
    codes.push(0);
    at.push(next);
  }
  return { table, codes, at };
}

export function readReceives(
  reader: ByteReader,
  strings: StringTable,
  into: EventBody[],
  events: EventColumns,
  at: EventIndexes,
): void {
  const count = at.length;
  const sourceCount = readCount(reader);
  if (sourceCount > count) badBatch("more epochs than receives");
  const table = reader.column(sourceCount * 2);
  const flags = readFlags(reader, count, RECEIVE_FLAGS);
  const channels = reader.column(count);
  const sources = reader.column(countWith(flags, FROM));
  const steps = reader.column(countNarrow(flags, FROM));
  const delays = reader.column(countNarrow(flags, SENT_T));
  const peers = reader.column(countWith(flags, FROM_PEER));
  const ids = reader.column(countWith(flags, FROM_ID));
  const lastSeq = new Float64Array(sourceCount);
  let known = 0;
  let nextSource = 0;
  let nextStep = 0;
  let nextDelay = 0;
  let nextPeer = 0;
  let nextId = 0;
  for (let j = 0; j < count; j += 1) {
    const flag = flags[j] as number;
    const i = at[j] as number;
    const isWide = (flag & WIDE) !== 0;
    if (isWide && !(flag & (FROM | SENT_T))) badBatch("a receive with nothing wide");
    let from: EventRef | null = null;
    if (flag & FROM) {
      const code = sources[nextSource++] as number;
      const source = code === 0 ? known++ : code - 1;
      if (source >= known || source >= sourceCount) badBatch("an epoch used before its turn");
      const seq = isWide
        ? reader.float64()
        : (lastSeq[source] as number) + unzigzag(steps[nextStep++] as number);
      if (!Number.isSafeInteger(seq) || seq < 1) badBatch("a send without its seq");
      if (!isWide) lastSeq[source] = seq;
      from = {
        node: strings.name(table[source * 2] as number),
        epoch: table[source * 2 + 1] as number,
        seq,
      };
    }
    let sentT: Hlc | null = null;
    if (flag & SENT_T) {
      sentT = (
        isWide
          ? reader.float64()
          : (events.t[i] as number) - unzigzag(delays[nextDelay++] as number)
      ) as Hlc;
      checkStamp(sentT);
    }
    into[events.ref[i] as number] = {
      kind: "receive",
      channel: strings.name(channels[j] as number),
      from,
      sentT,
      peer: flag & FROM_PEER ? strings.name(peers[nextPeer++] as number) : null,
      id: flag & FROM_ID ? strings.name(ids[nextId++] as number) : null,
      unverified: (flag & UNVERIFIED) !== 0,
      relayed: (flag & RELAYED) !== 0,
    };
  }
  if (known !== sourceCount) badBatch("epochs that are not used");
}

/** The bodies of the events `at`. Kinds were looked at by the caller. */
export function bodiesAt<Body>(events: EventColumns, at: EventIndexes): Body[] {
  return at.map((i) => events.bodies[events.ref[i] as number] as Body);
}

function readFlags(reader: ByteReader, count: number, allowed: number): Uint8Array {
  reader.need(count);
  const flags = reader.bytes.subarray(reader.pos, reader.pos + count);
  for (const flag of flags) if ((flag & ~allowed) !== 0) badBatch("unknown flags of a message");
  reader.pos += count;
  return flags;
}

function countWith(flags: Uint8Array, bit: number): number {
  let count = 0;
  for (const flag of flags) if ((flag & bit) !== 0) count += 1;
  return count;
}

function countNarrow(flags: Uint8Array, bit: number): number {
  let count = 0;
  for (const flag of flags) if ((flag & (bit | WIDE)) === bit) count += 1;
  return count;
}
