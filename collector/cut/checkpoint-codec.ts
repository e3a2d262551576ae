/**
 * Bytes of checkpoints: the state of one log, and the directory of a round. The store adds
 * and verifies a checksum; what cannot be read here counts as missing, and the answer is replayed
 * from further back.
 *
 *     log state   version 2 | lost: JSON | key list | tags, wholes: frames | doubles | others: JSON | padding 4
 *     key list    seq of the checkpoint that holds the list, 0: here   | hashes | keys in it
 *                 [keys] if here | keys that appeared since
 *     directory   version | last send t, last receive t | lost, senders: JSON | more senders from | (log, seq of its state)...
 *
 * Version 1 had a byte per tag, varints, and texts as they are; it is still read. Keys and JSON are
 * deflated where it pays (store/segment-text.ts), numbers packed (store/segment-frames.ts).
 *
 * Most rounds change values and not the set of variables, so the list of keys is written once and
 * referred to: a round of a thousand small counters takes some 2 kB instead of 12.
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
} from "../../agent/kernel/index.ts";
import { readFrames, readSmallFrames } from "../store/segment-frame-reader.ts";
import { FRAME_PADDING, writeFrames } from "../store/segment-frames.ts";
import { KeyTexts, readPacked, writePacked } from "../store/segment-text.ts";
import { isSameList, KeyList, type KeyListName } from "./key-list.ts";
import { LogImage, Tag } from "./log-image.ts";
import type { SenderRow } from "./senders.ts";

const VERSION = 2;
/** Still read. */
const FIRST_VERSION = 1;
/** 2: senders by run. An older directory counts as missing. */
const DIRECTORY_VERSION = 2;
/** On disk only: a whole number small enough for a zigzag varint. */
const TAG_WHOLE = 9;
const MAX_WHOLE = 2 ** 51;
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
  if (keys === undefined) writePacked(writer, textsOf(image.base.keys));
  writer.varint(image.extra.length);
  for (const key of image.extra) writer.lengthAndText(key);
  writeValues(image);
  return writer.bytes.slice(0, writer.pos);
}

const texts = new ByteWriter();

function textsOf(keys: readonly string[]): Uint8Array {
  texts.clear();
  for (const key of keys) texts.lengthAndText(key);
  return texts.bytes.slice(0, texts.pos);
}

function writeValues(image: LogImage): void {
  const count = image.slotCount;
  const tags = new Uint8Array(count);
  const wholes: number[] = [];
  const floats: number[] = [];
  const others: Json[] = [];
  for (let slot = 0; slot < count; slot += 1) {
    const tag = diskTag(image, slot);
    tags[slot] = tag;
    if (tag === TAG_WHOLE) wholes.push(image.numbers[slot] as number);
    else if (tag === Tag.number) floats.push(image.numbers[slot] as number);
    else if (tag === Tag.other) others.push(toJsonForm(image.valueAt(slot) as Value));
  }
  writeFrames(writer, tags, count);
  writer.varint(wholes.length);
  writeFrames(writer, wholes, wholes.length);
  for (const number of floats) writer.float64(number);
  texts.clear();
  if (others.length > 0) texts.text(JSON.stringify(others));
  writePacked(writer, texts.bytes.subarray(0, texts.pos));
  for (let i = 0; i < FRAME_PADDING; i += 1) writer.byte(0);
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
  const version = versionOf(reader);
  if (version === undefined) throw unreadable("another version");
  const lostText = reader.lengthAndText("lost ranges", MAX_TEXT);
  const keysSeq = reader.varint();
  const name = readName(reader);
  const base = keysSeq === 0 ? readKeys(reader, name.count, version) : findKeys(keysSeq, name);
  if (base === undefined || !isSameList(base.name, name)) {
    throw unreadable("its list of keys is missing");
  }
  const image = new LogImage(base);
  const extraCount = reader.varint();
  for (let i = 0; i < extraCount; i += 1) image.slotFor(reader.lengthAndText("a key", MAX_TEXT));
  if (lostText !== "") image.lost = listIn<LostRange>(lostText);
  readValues(reader, image, version);
  return image;
}

/** The key list that stands in these bytes themselves; undefined if they refer to another. */
export function decodeKeyList(bytes: Uint8Array): KeyList | undefined {
  const reader = new ByteReader(bytes);
  const version = versionOf(reader);
  if (version === undefined) return undefined;
  reader.lengthAndText("lost ranges", MAX_TEXT);
  if (reader.varint() !== 0) return undefined;
  return readKeys(reader, readName(reader).count, version);
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

function versionOf(reader: ByteReader): number | undefined {
  const version = reader.byte();
  return version === VERSION || version === FIRST_VERSION ? version : undefined;
}

function readKeys(reader: ByteReader, count: number, version: number): KeyList {
  const keys: string[] = [];
  if (version === FIRST_VERSION) {
    reader.need(count);
    for (let i = 0; i < count; i += 1) keys.push(reader.lengthAndText("a key", MAX_TEXT));
  } else {
    const texts = new KeyTexts(readPacked(reader));
    texts.reader.need(count);
    for (let i = 0; i < count; i += 1) keys.push(texts.next());
  }
  return new KeyList(keys);
}

function readValues(reader: ByteReader, image: LogImage, version: number): void {
  const count = image.slotCount;
  const tags = readTags(reader, count, version);
  const wholeCount = reader.varint();
  if (wholeCount > count) throw unreadable("values missing");
  const wholes = readWholes(reader, wholeCount, version);
  let nextWhole = 0;
  let otherCount = 0;
  for (let slot = 0; slot < count; slot += 1) {
    const tag = tags[slot] as number;
    if (tag === TAG_WHOLE) {
      image.setNumber(slot, wholes[nextWhole] as number);
      nextWhole += 1;
    } else if (tag === Tag.number) image.setNumber(slot, reader.float64());
    else if (tag === ValueTag.null) image.setValue(slot, null);
    else if (tag === ValueTag.true || tag === ValueTag.false) {
      image.setValue(slot, tag === ValueTag.true);
    } else if (tag === Tag.other) otherCount += 1;
    else if (tag === Tag.knownAbsent) image.remove(slot);
  }
  const text = readOthers(reader, version);
  const others = listIn<Json>(text);
  if (others.length !== otherCount || nextWhole !== wholeCount) throw unreadable("values missing");
  let next = 0;
  for (let slot = 0; slot < count && next < otherCount; slot += 1) {
    if (tags[slot] !== Tag.other) continue;
    image.setValue(slot, fromJsonForm(others[next] as Json));
    next += 1;
  }
}

function readTags(reader: ByteReader, count: number, version: number): Uint8Array {
  if (version === FIRST_VERSION) {
    reader.need(count);
    reader.pos += count;
    return reader.bytes.subarray(reader.pos - count, reader.pos);
  }
  const tags = new Uint8Array(count);
  readSmallFrames(reader, tags, TAG_WHOLE + 1);
  return tags;
}

function readWholes(reader: ByteReader, count: number, version: number): Float64Array {
  if (version === FIRST_VERSION) return reader.column(count).map(unzigzag);
  const wholes = new Float64Array(count);
  readFrames(reader, wholes);
  return wholes;
}

function readOthers(reader: ByteReader, version: number): string {
  if (version === FIRST_VERSION) return reader.lengthAndText("values", MAX_TEXT);
  const content = new ByteReader(readPacked(reader));
  if (reader.remaining !== FRAME_PADDING) throw unreadable("another length");
  return content.text(content.remaining);
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
