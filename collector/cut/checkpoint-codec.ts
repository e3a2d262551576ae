/**
 * Bytes of checkpoints: the state of one log, and the directory of a round. Version 1. The store adds
 * and verifies a checksum; what cannot be read here counts as missing, and the answer is replayed
 * from further back.
 *
 *     log state   version | lost: JSON | key list | tags | numbers as varints and floats | others: JSON
 *     key list    seq of the checkpoint that holds the list, 0: here   | hashes | keys in it
 *                 [keys] if here | keys that appeared since
 *     directory   version | last send t, last receive t | lost, senders: JSON | more senders from | (log, seq of its state)...
 *
 * Most rounds change values and not the set of variables, so the list of keys is written once and
 * referred to: a round of a thousand small counters takes some 3 kB instead of 12.
 */
import {
  ByteReader,
  ByteWriter,
  fromJsonForm,
  type Hlc,
  type Json,
  type LostRange,
  RetroError,
  toJsonForm,
  unzigzag,
  type Value,
  ValueTag,
  zigzag,
} from "../../agent/kernel/index.ts";
import { isSameList, KeyList, type KeyListName } from "./key-list.ts";
import { LogImage, Tag } from "./log-image.ts";
import type { SenderRow } from "./senders.ts";

const VERSION = 1;
/** 2: senders by run. An older directory counts as missing. */
const DIRECTORY_VERSION = 2;
/** On disk only: a whole number small enough for a zigzag varint. */
const TAG_WHOLE = 9;
const MAX_WHOLE = 2 ** 52;
const MAX_TEXT = 0xffff_ffff;

/** Where a log's key list is written: with the checkpoint of this seq. */
export interface KeyListRef {
  readonly seq: number;
  readonly list: KeyList;
}

/** What a round knows of its epoch beside the logs' states. */
export interface Directory {
  /** For every log of the epoch: the seq of the round that wrote its state. */
  readonly logs: ReadonlyMap<string, number>;
  /** Lost ranges up to here. */
  readonly lost: readonly LostRange[];
  /** The runs named as senders by receives. */
  readonly senders: readonly SenderRow[];
  /** T of the first receive whose sender was one too many (senders.ts). */
  readonly moreSendersFrom: Hlc | undefined;
  /** T of the latest send and receive; -1/0 as -Infinity when there was none. */
  readonly lastSendT: Hlc;
  readonly lastReceiveT: Hlc;
}

const writer = new ByteWriter();

/**
 * The state of a log as bytes. `keys` says where its base list stands already; without it the list is
 * written along (call `image.compact()` first, so that it holds no more than what is there).
 */
export function encodeLogState(image: LogImage, keys: KeyListRef | undefined): Uint8Array {
  writer.clear();
  writer.byte(VERSION);
  writer.lengthAndText(image.lost.length === 0 ? "" : JSON.stringify(image.lost));
  writer.varint(keys?.seq ?? 0);
  writer.uint32(image.base.name.hash);
  writer.uint32(image.base.name.otherHash);
  writer.varint(image.base.name.count);
  if (keys === undefined) for (const key of image.base.keys) writer.lengthAndText(key);
  writer.varint(image.extra.length);
  for (const key of image.extra) writer.lengthAndText(key);
  writeValues(image);
  return writer.bytes.slice(0, writer.pos);
}

function writeValues(image: LogImage): void {
  const count = image.slotCount;
  writer.reserve(count);
  const tags = writer.bytes.subarray(writer.pos, writer.pos + count);
  for (let slot = 0; slot < count; slot += 1) tags[slot] = diskTag(image, slot);
  writer.pos += count;
  const wholes: number[] = [];
  const floats: number[] = [];
  const others: Json[] = [];
  for (let slot = 0; slot < count; slot += 1) {
    const tag = diskTag(image, slot);
    if (tag === TAG_WHOLE) wholes.push(zigzag(image.numbers[slot] as number));
    else if (tag === Tag.number) floats.push(image.numbers[slot] as number);
    else if (tag === Tag.other) others.push(toJsonForm(image.valueAt(slot) as Value));
  }
  writer.varint(wholes.length);
  writer.varints(wholes, wholes.length);
  for (const number of floats) writer.float64(number);
  writer.lengthAndText(others.length === 0 ? "" : JSON.stringify(others));
}

function diskTag(image: LogImage, slot: number): number {
  const tag = image.tags[slot] as number;
  if (tag === Tag.set) return Tag.other;
  if (tag !== Tag.number) return tag;
  const number = image.numbers[slot] as number;
  const isWhole = Number.isInteger(number) && Math.abs(number) < MAX_WHOLE;
  return isWhole && !Object.is(number, -0) ? TAG_WHOLE : Tag.number;
}

/**
 * Reads a log's state. `findKeys` gives the list of that name, written with the checkpoint of
 * that seq.
 * @throws RetroError `data-damaged`, `bad-batch` where the bytes, or the list they refer to, cannot be read.
 */
export function decodeLogState(
  bytes: Uint8Array,
  findKeys: (seq: number, name: KeyListName) => KeyList | undefined,
): LogImage {
  const reader = new ByteReader(bytes);
  if (reader.byte() !== VERSION) throw unreadable("another version");
  const lostText = reader.lengthAndText("lost ranges", MAX_TEXT);
  const keysSeq = reader.varint();
  const name = readName(reader);
  const base = keysSeq === 0 ? readKeys(reader, name.count) : findKeys(keysSeq, name);
  if (base === undefined || !isSameList(base.name, name)) {
    throw unreadable("its list of keys is missing");
  }
  const image = new LogImage(base);
  const extraCount = reader.varint();
  for (let i = 0; i < extraCount; i += 1) image.slotFor(reader.lengthAndText("a key", MAX_TEXT));
  if (lostText !== "") image.lost = listIn<LostRange>(lostText);
  readValues(reader, image);
  return image;
}

/** The key list that stands in these bytes themselves; undefined if they refer to another. */
export function decodeKeyList(bytes: Uint8Array): KeyList | undefined {
  const reader = new ByteReader(bytes);
  if (reader.byte() !== VERSION) return undefined;
  reader.lengthAndText("lost ranges", MAX_TEXT);
  if (reader.varint() !== 0) return undefined;
  return readKeys(reader, readName(reader).count);
}

/** The seq of the checkpoint that holds the keys of these bytes; 0: they do themselves. */
export function keysSeqOf(bytes: Uint8Array): number {
  const reader = new ByteReader(bytes);
  reader.byte();
  reader.lengthAndText("lost ranges", MAX_TEXT);
  return reader.varint();
}

function readName(reader: ByteReader): KeyListName {
  const hash = reader.uint32();
  const otherHash = reader.uint32();
  return { hash, otherHash, count: reader.varint() };
}

function readKeys(reader: ByteReader, count: number): KeyList {
  reader.need(count);
  const keys: string[] = [];
  for (let i = 0; i < count; i += 1) keys.push(reader.lengthAndText("a key", MAX_TEXT));
  return new KeyList(keys);
}

function readValues(reader: ByteReader, image: LogImage): void {
  const count = image.slotCount;
  reader.need(count);
  const tags = reader.bytes.subarray(reader.pos, reader.pos + count);
  reader.pos += count;
  const wholeCount = reader.varint();
  const wholes = reader.column(wholeCount);
  let nextWhole = 0;
  let otherCount = 0;
  for (let slot = 0; slot < count; slot += 1) {
    const tag = tags[slot] as number;
    if (tag === TAG_WHOLE) {
      image.setNumber(slot, unzigzag(wholes[nextWhole] as number));
      nextWhole += 1;
    } else if (tag === Tag.number) image.setNumber(slot, reader.float64());
    else if (tag === ValueTag.null) image.setValue(slot, null);
    else if (tag === ValueTag.true || tag === ValueTag.false) {
      image.setValue(slot, tag === ValueTag.true);
    } else if (tag === Tag.other) otherCount += 1;
    else if (tag === Tag.knownAbsent) image.remove(slot);
  }
  const text = reader.lengthAndText("values", MAX_TEXT);
  const others = listIn<Json>(text);
  if (others.length !== otherCount || nextWhole !== wholeCount) throw unreadable("values missing");
  let next = 0;
  for (let slot = 0; slot < count && next < otherCount; slot += 1) {
    if (tags[slot] !== Tag.other) continue;
    image.setValue(slot, fromJsonForm(others[next] as Json));
    next += 1;
  }
}

export function encodeDirectory(directory: Directory): Uint8Array {
  writer.clear();
  writer.byte(DIRECTORY_VERSION);
  writer.float64(directory.lastSendT);
  writer.float64(directory.lastReceiveT);
  writer.lengthAndText(directory.lost.length === 0 ? "" : JSON.stringify(directory.lost));
  writer.lengthAndText(directory.senders.length === 0 ? "" : JSON.stringify(directory.senders));
  writer.float64(directory.moreSendersFrom ?? Number.NaN);
  writer.varint(directory.logs.size);
  for (const [log, seq] of directory.logs) {
    writer.lengthAndText(log);
    writer.varint(seq);
  }
  return writer.bytes.slice(0, writer.pos);
}

/** @throws RetroError `data-damaged`, `bad-batch` */
export function decodeDirectory(bytes: Uint8Array): Directory {
  const reader = new ByteReader(bytes);
  if (reader.byte() !== DIRECTORY_VERSION) throw unreadable("another version");
  const lastSendT = reader.float64() as Hlc;
  const lastReceiveT = reader.float64() as Hlc;
  const lost = reader.lengthAndText("lost ranges", MAX_TEXT);
  const senders = reader.lengthAndText("senders", MAX_TEXT);
  const moreSendersFrom = reader.float64() as Hlc;
  const count = reader.varint();
  const logs = new Map<string, number>();
  for (let i = 0; i < count; i += 1) {
    const log = reader.lengthAndText("a log", MAX_TEXT);
    logs.set(log, reader.varint());
  }
  return {
    logs,
    lost: listIn<LostRange>(lost),
    senders: listIn<SenderRow>(senders),
    moreSendersFrom: Number.isNaN(moreSendersFrom) ? undefined : moreSendersFrom,
    lastSendT,
    lastReceiveT,
  };
}

/** A list written as JSON, empty where there is no text. */
function listIn<Item>(text: string): Item[] {
  if (text === "") return [];
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw unreadable("a list that is no JSON");
  }
  if (!Array.isArray(list)) throw unreadable("a list that is none");
  return list as Item[];
}

function unreadable(why: string): RetroError {
  return new RetroError("data-damaged", `a checkpoint cannot be read: ${why}`);
}
