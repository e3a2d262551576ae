/**
 * Turns consecutive batches of one epoch into a segment: sorts their events into blocks, log by log,
 * and encodes them. Pure: bytes in the hand, nothing stored. Used in short turns: a batch at a time, then
 * a column of a block at a time.
 *
 *     batches    | a b a m | b a r a | a a m b |
 *     blocks     log a | log b | messages | rest
 */
import {
  type Batch,
  checkLimit,
  type EventBody,
  grown,
  type Hlc,
  type Value,
  ValueTag,
  type VariableRef,
} from "../../agent/kernel/index.ts";
import type { SegmentWrite, StoredBatch } from "./history-store.ts";
import { type BlockRows, MAX_SEGMENT_EVENTS } from "./segment-block.ts";
import { bodyBlockSteps, logBlockSteps } from "./segment-block-writer.ts";
import { BlockKind, type BlockSummary, encodeSegmentHeader } from "./segment-header.ts";

const INITIAL_ROWS = 256;
const LAST_CHANGE = 3;
/** Texts up to this length are kept once per block. */
const SHARED_TEXT_LENGTH = 64;

export class SegmentBuilder {
  readonly #logs = new Map<string, BlockDraft>();
  readonly #messages = new BlockDraft(BlockKind.messages, "");
  readonly #rest = new BlockDraft(BlockKind.rest, "");
  readonly #sources: StoredBatch[] = [];
  #first: Batch["header"] | undefined;
  #last: Batch["header"] | undefined;
  #byteCount = 0;
  #variableCount = 0;

  /** Events so far. */
  get count(): number {
    return this.#first === undefined || this.#last === undefined
      ? 0
      : this.#last.lastSeq - this.#first.firstSeq + 1;
  }

  get batchCount(): number {
    return this.#sources.length;
  }

  /** Wire bytes so far. */
  get byteCount(): number {
    return this.#byteCount;
  }

  /** The seq that must come next; 0 while empty. */
  get nextSeq(): number {
    return this.#last === undefined ? 0 : this.#last.lastSeq + 1;
  }

  /** Blocks so far, and variables in them: what more events would share. */
  get blockCount(): number {
    return this.#logs.size;
  }

  get variableCount(): number {
    return this.#variableCount;
  }

  /** Takes the next batch in: `stored` decoded. Its seqs must follow on those before. */
  add(stored: StoredBatch, batch: Batch): void {
    const { header, events } = batch;
    this.#first ??= header;
    this.#last = header;
    this.#sources.push(stored);
    this.#byteCount += stored.bytes.length;
    const shift = header.firstSeq - this.#first.firstSeq;
    const drafts: (BlockDraft | undefined)[] = new Array(events.variables.length);
    const refs = new Uint32Array(events.variables.length);
    for (let i = 0; i < events.count; i += 1) {
      const code = events.kind[i] as number;
      const ref = events.ref[i] as number;
      if (code > LAST_CHANGE) {
        const body = events.bodies[ref] as EventBody;
        this.#draftOf(body).addBody(shift + i, events.t[i] as number, code, body);
        continue;
      }
      let draft = drafts[ref];
      if (draft === undefined) {
        const variable = events.variables[ref] as VariableRef;
        draft = this.#logDraft(variable.log);
        drafts[ref] = draft;
        const before = draft.variableCount;
        refs[ref] = draft.variableIndex(variable);
        this.#variableCount += draft.variableCount - before;
      }
      draft.addChange(shift + i, batch, i, refs[ref] as number);
    }
  }

  #draftOf(body: EventBody): BlockDraft {
    if (body.kind === "keyframe") return this.#logDraft(body.log);
    return body.kind === "send" || body.kind === "receive" ? this.#messages : this.#rest;
  }

  #logDraft(log: string): BlockDraft {
    let draft = this.#logs.get(log);
    if (draft === undefined) {
      draft = new BlockDraft(BlockKind.log, log);
      this.#logs.set(log, draft);
    }
    return draft;
  }

  /**
   * The segment; pauses after each column and each block. Ask once, and add nothing after it.
   * @throws RetroError `too-large` if a block exceeds what can be encoded: then batches stay as they are
   */
  *finish(): Generator<void, SegmentWrite, void> {
    checkLimit("events of a segment", this.count, MAX_SEGMENT_EVENTS);
    const first = this.#first as Batch["header"];
    const last = this.#last as Batch["header"];
    const place = { firstT: first.firstT, lastSeq: last.lastSeq };
    const summaries: BlockSummary[] = [];
    const blocks: Uint8Array[] = [];
    for (const draft of [...this.#logs.values(), this.#messages, this.#rest]) {
      if (draft.count === 0) continue;
      const rows = draft.rows();
      const steps = draft.kind === BlockKind.log ? logBlockSteps : bodyBlockSteps;
      const bytes = yield* steps(rows, place);
      blocks.push(bytes);
      summaries.push(summaryOf(draft, rows, bytes.length));
      yield;
    }
    const arrivals = this.#sources.map(({ arrivalMs }) => arrivalMs);
    const bytes = encodeSegmentHeader({
      node: first.node,
      epoch: first.epoch,
      service: last.service,
      imported: first.imported,
      firstSeq: first.firstSeq,
      lastSeq: last.lastSeq,
      firstT: first.firstT,
      lastT: last.lastT,
      closed: last.closed,
      firstArrivalMs: Math.min(...arrivals),
      batchCount: this.#sources.length,
      blocks: summaries,
    });
    return {
      replaced: this.#sources.map(({ epochId, firstSeq, lastSeq, firstT, lastT }) => ({
        epochId,
        first: firstSeq,
        last: lastSeq,
        firstT,
        lastT,
      })),
      segment: {
        epochId: (this.#sources[0] as StoredBatch).epochId,
        firstSeq: first.firstSeq,
        lastSeq: last.lastSeq,
        firstT: first.firstT,
        lastT: last.lastT,
        arrivalMs: Math.max(...arrivals),
        bytes,
      },
      blocks,
    };
  }
}

function summaryOf(
  { kind, log }: BlockDraft,
  { count, offsets, t, valueTag, valueNumber }: BlockRows,
  byteCount: number,
): BlockSummary {
  let numberCount = 0;
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i += 1) {
    if (valueTag[i] !== ValueTag.number) continue;
    const number = valueNumber[i] as number;
    numberCount += 1;
    if (number < least) least = number;
    if (number > greatest) greatest = number;
  }
  return {
    kind,
    log,
    count,
    byteCount,
    firstOffset: offsets[0] as number,
    firstT: t[0] as Hlc,
    lastT: t[count - 1] as Hlc,
    numberCount,
    least: numberCount === 0 ? 0 : least,
    greatest: numberCount === 0 ? 0 : greatest,
  };
}

/** The rows of one block, growing. */
class BlockDraft {
  readonly kind: number;
  readonly log: string;
  count = 0;
  #offsets = new Uint32Array(INITIAL_ROWS);
  #t = new Float64Array(INITIAL_ROWS);
  #kind = new Uint8Array(INITIAL_ROWS);
  #ref = new Uint32Array(INITIAL_ROWS);
  #valueTag = new Uint8Array(INITIAL_ROWS);
  #valueNumber = new Float64Array(INITIAL_ROWS);
  readonly #indexes = new Map<string, number>();
  readonly #variables: VariableRef[] = [];
  readonly #values: Value[] = [];
  readonly #textIndexes = new Map<string, number>();
  readonly #bodies: EventBody[] = [];

  constructor(kind: number, log: string) {
    this.kind = kind;
    this.log = log;
  }

  get variableCount(): number {
    return this.#variables.length;
  }

  variableIndex(variable: VariableRef): number {
    const known = this.#indexes.get(variable.key);
    if (known !== undefined) return known;
    const index = this.#variables.length;
    this.#indexes.set(variable.key, index);
    this.#variables.push(variable);
    return index;
  }

  addChange(offset: number, { events }: Batch, i: number, ref: number): void {
    const row = this.#next(offset, events.t[i] as number, events.kind[i] as number, ref);
    const tag = events.valueTag[i] as number;
    const number = events.valueNumber[i] as number;
    this.#valueTag[row] = tag;
    this.#valueNumber[row] =
      tag < ValueTag.other ? number : this.#valueIndex(events.values[number] as Value);
  }

  addBody(offset: number, t: number, code: number, body: EventBody): void {
    const row = this.#next(offset, t, code, this.#bodies.length);
    this.#valueTag[row] = ValueTag.none;
    this.#valueNumber[row] = 0;
    this.#bodies.push(body);
  }

  #valueIndex(value: Value): number {
    const index = this.#values.length;
    if (typeof value === "string" && value.length <= SHARED_TEXT_LENGTH) {
      const known = this.#textIndexes.get(value);
      if (known !== undefined) return known;
      this.#textIndexes.set(value, index);
    }
    this.#values.push(value);
    return index;
  }

  #next(offset: number, t: number, code: number, ref: number): number {
    const row = this.count;
    if (row === this.#t.length) this.#grow();
    this.#offsets[row] = offset;
    this.#t[row] = t;
    this.#kind[row] = code;
    this.#ref[row] = ref;
    this.count = row + 1;
    return row;
  }

  #grow(): void {
    const size = this.#t.length * 2;
    this.#offsets = grown(this.#offsets, new Uint32Array(size));
    this.#t = grown(this.#t, new Float64Array(size));
    this.#kind = grown(this.#kind, new Uint8Array(size));
    this.#ref = grown(this.#ref, new Uint32Array(size));
    this.#valueTag = grown(this.#valueTag, new Uint8Array(size));
    this.#valueNumber = grown(this.#valueNumber, new Float64Array(size));
  }

  rows(): BlockRows {
    return {
      count: this.count,
      offsets: this.#offsets,
      t: this.#t,
      kind: this.#kind,
      ref: this.#ref,
      valueTag: this.#valueTag,
      valueNumber: this.#valueNumber,
      variables: this.#variables,
      values: this.#values,
      bodies: this.#bodies,
    };
  }
}
