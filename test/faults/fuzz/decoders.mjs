/**
 * The decoders, each with valid inputs to damage. A target to add is a row: what it is called, what
 * makes an input, what reads it. Whatever comes, a decoder answers with what it read or a RetroError
 * that is not `internal`.
 */

import {
  decodeBatch,
  encodeBatch,
  eventsOf,
  formatHlc,
  fromJsonForm,
  parseTime,
  RetroError,
  readEventLines,
  ticksFromUnixMs,
  ValueSet,
} from "#dist/agent/kernel/index.js";
import { formatCursor, parseCursor } from "#dist/collector/api/event-cursor.js";
import { Params } from "#dist/collector/api/params.js";
import {
  decodeDirectory,
  decodeKeyList,
  decodeLogState,
  encodeDirectory,
  encodeLogState,
} from "#dist/collector/cut/checkpoint-codec.js";
import { LogImage } from "#dist/collector/cut/log-image.js";
import { prepareBody } from "#dist/collector/ingest/prepare.js";
import { openRecord, sealRecord } from "#dist/collector/store/records.js";
import { decodeBodyBlock, decodeLogBlock } from "#dist/collector/store/segment-block-reader.js";
import { SegmentBuilder } from "#dist/collector/store/segment-builder.js";
import { BlockKind, decodeSegmentHeader } from "#dist/collector/store/segment-header.js";
import { HOSTILE_TEXTS, mutated, mutatedText, sealedFrame } from "./mutate.mjs";
import { at, EPOCH, NOW_MS, sampleBatch } from "./samples.mjs";
import { Tally } from "./tally.mjs";

const NOW = ticksFromUnixMs(NOW_MS);
const SAMPLES = 64;
/** Of the batches that are still valid each n-th is read to its end and written again. */
const LOOK_AT_EACH = 4;
/** What a step runs before it looks at the clock or gives the event loop a turn. */
const STEP = 4_096;

/** Share of the inputs that each takes; they need not add up to 1. */
export const DECODERS = [
  { name: "batch", share: 0.47, make: batches },
  { name: "body", share: 0.12, make: bodies },
  { name: "log state", share: 0.1, make: logStates },
  { name: "directory", share: 0.05, make: directories },
  { name: "segment", share: 0.08, make: segments },
  { name: "record", share: 0.03, make: records },
  { name: "event lines", share: 0.08, make: eventLines },
  { name: "parameters", share: 0.07, make: parameters },
];

/** Feeds a decoder; resolves to its report. */
export async function fuzzDecoder({ name, make }, inputs, chance) {
  const tally = new Tally(name);
  const next = make(chance);
  for (let i = 0; i < inputs && !tally.isFull; i += 1) {
    const { run, show } = next();
    tally.take(run, isRefusal, show);
    if (i % STEP === STEP - 1) await new Promise((resolve) => setImmediate(resolve));
  }
  return tally.report();
}

export function isRefusal(error) {
  return error instanceof RetroError && error.code !== "internal";
}

/** Nearly always sealed again: behind the checksum is what is tested. */
export function damagedFrame(frame, other, chance) {
  const bytes = mutated(frame, other, chance);
  if (!chance.in(0.9)) return bytes;
  if (chance.in(0.97) && bytes.length > 8) bytes.set(frame.subarray(0, 8));
  return sealedFrame(bytes);
}

function frames(chance) {
  return Array.from({ length: SAMPLES }, (_, i) =>
    sampleBatch({
      node: `n${1 + (i % 3)}`,
      firstSeq: 1 + (i % 2) * 40,
      count: i % 7 === 0 ? 0 : 1 + chance.below(60),
      chance,
      extra: i % 5 === 0 ? { dropped: [lostRange(500)] } : {},
    }),
  );
}

function lostRange(seq) {
  return {
    firstSeq: seq,
    lastSeq: seq + 4,
    firstT: at(seq),
    lastT: at(seq + 4),
    logs: ["stock", "__proto__"],
    messages: true,
    reason: "overflow",
  };
}

function batches(chance) {
  const seeds = frames(chance);
  let validCount = 0;
  return () => {
    const bytes = damagedFrame(chance.of(seeds), chance.of(seeds), chance);
    const run = () => {
      const batch = decodeBatch(bytes);
      validCount += 1;
      if (validCount % LOOK_AT_EACH !== 0) return;
      let rows = 0;
      for (const event of eventsOf(batch)) {
        if (event.seq !== batch.header.firstSeq + rows) throw new Error("rows out of order");
        rows += 1;
      }
      const again = encodeBatch(batch);
      if (!Buffer.from(encodeBatch(decodeBatch(again))).equals(Buffer.from(again))) {
        throw new Error("it has a second form");
      }
    };
    return { run, show: () => hex(bytes) };
  };
}

function bodies(chance) {
  const seeds = frames(chance);
  const gate = { now: NOW, maxAheadMs: 86_400_000 };
  return () => {
    const parts = Array.from({ length: 1 + chance.below(4) }, () =>
      chance.in(0.5) ? chance.of(seeds) : damagedFrame(chance.of(seeds), chance.of(seeds), chance),
    );
    const whole = new Uint8Array(Buffer.concat(parts));
    const body = chance.in(0.3) ? mutated(whole, chance.of(seeds), chance) : whole;
    const run = () => {
      const work = prepareBody(body, gate);
      while (work.next().done !== true);
    };
    return { run, show: () => hex(body) };
  };
}

function images(chance) {
  return Array.from({ length: SAMPLES }, (_, i) => {
    const image = new LogImage();
    const size = chance.below(40);
    const valueAt = (k) =>
      chance.of([k, k / 7, `text ${k}`, null, true, new ValueSet([k, "m"]), { a: [k] }, -k * 1e12]);
    image.replace(Array.from({ length: size }, (_, k) => [`key${k % (i + 1)}-${k}`, valueAt(k)]));
    if (i % 4 === 0) image.lose(lostRange(3));
    image.compact();
    return image;
  });
}

function logStates(chance) {
  const made = images(chance);
  const seeds = made.flatMap((image) => [
    encodeLogState(image, undefined),
    encodeLogState(image, { seq: 7, list: image.base }),
  ]);
  const keyLists = made.map((image) => image.base);
  return () => {
    const bytes = mutated(chance.of(seeds), chance.of(seeds), chance);
    const list = chance.of(keyLists);
    const run = () => {
      decodeKeyList(bytes);
      const state = decodeLogState(bytes, (seq) => (seq === 7 ? list : undefined));
      for (const entry of state) if (entry.length !== 2) throw new Error("no entry");
    };
    return { run, show: () => hex(bytes) };
  };
}

function directories(chance) {
  const seeds = Array.from({ length: SAMPLES }, (_, i) =>
    encodeDirectory({
      logs: new Map(Array.from({ length: i % 9 }, (_, k) => [`log${k}`, k * 100])),
      lost: i % 3 === 0 ? [lostRange(9)] : [],
      senders: Array.from({ length: i % 4 }, (_, k) => [`n${k}`, EPOCH, at(k), k === 1 ? null : k]),
      moreSendersFrom: i % 5 === 0 ? at(1) : undefined,
      lastSendT: i % 2 === 0 ? Number.NEGATIVE_INFINITY : at(7),
      lastReceiveT: at(8),
    }),
  );
  return () => {
    const bytes = mutated(chance.of(seeds), chance.of(seeds), chance);
    return { run: () => void decodeDirectory(bytes), show: () => hex(bytes) };
  };
}

/** Headers and blocks of segments. Of a block, what is read is as long as its header says, or refused. */
function segments(chance) {
  const seeds = Array.from({ length: SAMPLES / 4 }, (_, i) => {
    const builder = new SegmentBuilder();
    for (let n = 0; n < 1 + (i % 3); n += 1) {
      const bytes = sampleBatch({ node: `n${i}`, firstSeq: 1 + n * 40, count: 40, chance });
      const batch = decodeBatch(bytes);
      const { firstSeq, lastSeq, firstT, lastT } = batch.header;
      builder.add(
        { epochId: 1, firstSeq, lastSeq, firstT, lastT, arrivalMs: NOW_MS, bytes },
        batch,
      );
    }
    const work = builder.finish();
    for (;;) {
      const { done, value } = work.next();
      if (done) return { header: decodeSegmentHeader(value.segment.bytes), ...value };
    }
  });
  return () => {
    const { segment, header, blocks } = chance.of(seeds);
    const other = chance.of(chance.of(seeds).blocks);
    if (chance.in(0.3)) {
      const bytes = mutated(segment.bytes, other, chance);
      return { run: () => void decodeSegmentHeader(bytes), show: () => hex(bytes) };
    }
    const index = chance.below(blocks.length);
    const bytes = mutated(blocks[index], other, chance);
    const { kind, log } = header.blocks[index];
    const run = () => {
      const rows =
        kind === BlockKind.log ? decodeLogBlock(bytes, log, header) : decodeBodyBlock(bytes);
      for (const column of [rows.t, rows.kind, rows.ref, rows.offsets]) {
        if (column.length !== rows.count) throw new Error("columns of several lengths");
      }
      for (let i = 0; i < rows.count; i += 1) {
        const isChange = rows.kind[i] <= 3;
        const limit = isChange ? rows.variables.length : rows.bodies.length;
        if (rows.ref[i] >= limit) throw new Error(`ref out of range at ${i}`);
      }
    };
    return { run, show: () => `${kind} ${log} ${hex(bytes)}` };
  };
}

/** The envelope on disk: what is damaged is never opened, unless the damage undid itself. */
function records(chance) {
  const key = Buffer.from([3, 0, 0, 1]);
  const seeds = frames(chance).map((frame) => ({ frame, record: sealRecord(key, frame) }));
  return () => {
    const { frame, record } = chance.of(seeds);
    const bytes = Buffer.from(mutated(record, chance.of(seeds).record, chance));
    const run = () => {
      const opened = openRecord(key, bytes);
      if (opened !== undefined && !opened.equals(Buffer.from(frame)) && !isSample(opened)) {
        throw new Error("damaged bytes were served");
      }
    };
    const isSample = (opened) => seeds.some((one) => opened.equals(Buffer.from(one.frame)));
    return { run, show: () => hex(bytes) };
  };
}

const LINES = [
  '{"node":"n1","service":"kv","t":"2026-11-21T15:59:00.000Z","kind":"set","log":"setd","key":"vr1","value":3}',
  '{"node":"n1","t":1795276741000,"kind":"delete","log":"setd","key":"vr1"}',
  '{"node":"n1","t":1795276742000,"kind":"add","log":"ring","key":"members","value":"n2"}',
  '{"node":"n1","t":1795276743000,"kind":"keyframe","log":"setd","state":{"vr1":3,"m":{"$set":["n2"]}}}',
  '{"node":"n1","t":1795276744000,"kind":"send","id":"m17","to":"n2"}',
  '{"node":"n2","t":1795276744000,"kind":"receive","id":"m17","from":"n1"}',
  '{"node":"n1","t":1795276745000,"kind":"request","operation":"GET /","residenceUs":5200,"calls":[{"to":"n2","startUs":300,"us":4100}],"waits":[],"outcome":"ok"}',
  '{"node":"n1","t":1795276746000,"kind":"mark","text":"deployed"}',
  '{"node":"n1","t":1795276747000,"kind":"lost","events":120,"from":1795276746500,"logs":["setd"]}',
  '{"node":"n1","t":1795276748000,"kind":"closed"}',
  '{"node":"n3","t":1795276748000,"kind":"join","epoch":7,"seq":1,"instance":"x"}',
  '{"node":"n3","t":1795276749000,"kind":"set","log":"__proto__","key":"__proto__","value":{"$literal":{"$set":1}},"epoch":7,"seq":2}',
  '{"node":"n3","t":1795276750000,"kind":"leave","epoch":7,"seq":3}',
];

function eventLines(chance) {
  return () => {
    const lines = LINES.map((line) => (chance.in(0.15) ? damagedLine(line, chance) : line));
    if (chance.in(0.3)) lines.reverse();
    const run = () => {
      const { batches, counts } = readEventLines(lines, { epoch: 77 });
      let events = 0;
      for (const batch of batches) {
        // What an import posts, the collector must be able to read.
        events += decodeBatch(encodeBatch(batch)).events.count;
      }
      if (!(events >= 0) || counts.lines !== lines.filter((one) => one.trim() !== "").length) {
        throw new Error("lines went missing");
      }
    };
    return { run, show: () => lines.join("\n") };
  };
}

function damagedLine(line, chance) {
  if (chance.in(0.5)) return mutatedText(line, chance);
  const fields = JSON.parse(line);
  const value = chance.of([...HOSTILE_TEXTS, 0, -1, 1e308, 2 ** 53, null, [], {}, [[[[]]]], true]);
  fields[chance.of([...Object.keys(fields), "seq", "epoch", "id"])] = value;
  return JSON.stringify(fields);
}

function parameters(chance) {
  const accepted = ["from", "to", "at", "node", "key", "limit", "wait", "cursor", "kind"];
  const cursor = formatCursor({ t: NOW, node: "n1", epoch: EPOCH, seq: 3 });
  const times = [formatHlc(NOW), "-5s", "now", "2026-11-21T16:00:00Z", "1795276741000", "+1m"];
  return () => {
    const text = mutatedText(chance.of([...times, cursor, "set", "100", "2s"]), chance);
    const name = chance.in(0.95) ? chance.of(accepted) : text;
    const query = Array.from({ length: 1 + chance.below(3) }, () =>
      chance.in(0.9)
        ? `${name}=${encodeURIComponent(text.toWellFormed?.() ?? "")}`
        : `${name}=${text}`,
    );
    const run = () => {
      const params = new Params(`/api/x?${query.join("&")}`, accepted, NOW);
      params.range({ from: at(0), to: NOW });
      params.selection();
      params.kinds();
      params.limit();
      params.waitMs();
      params.time("at");
      const given = params.text("cursor");
      if (given !== undefined) parseCursor(given);
      parseTime(text, NOW);
      let json;
      try {
        json = JSON.parse(text);
      } catch {
        return;
      }
      fromJsonForm(json);
    };
    return { run, show: () => query.join("&") };
  };
}

export function hex(bytes) {
  return Buffer.from(bytes).toString("hex").slice(0, 20_000);
}
