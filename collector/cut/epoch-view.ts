/**
 * The state of one epoch, moving forward: what replay writes to. Hot: bench `cut`.
 *
 * A view stands at a seq: every event and every lost range up to it is applied, nothing later. It may
 * be restricted to some logs; the others are then skipped, and absent.
 */
import {
  type Batch,
  type Hlc,
  type KeyframeEvent,
  KindCode,
  type LostRange,
  MIN_HLC,
  type ReceiveEvent,
  type VariableRef,
} from "../../agent/kernel/index.ts";
import { type EventRows, seqAt } from "../store/segment-rows.ts";
import type { UnknownReason } from "./history.ts";
import { LogImage, unknownBy, withRange } from "./log-image.ts";
import { type CountedLoss, isOfSameBlock } from "./losses.ts";
import { Senders } from "./senders.ts";

const UNRESOLVED = -1;
const SKIPPED = -2;
const NO_TIME = Number.NEGATIVE_INFINITY as Hlc;

export class EpochView {
  readonly logs: Map<string, LogImage> = new Map();
  /** Lost ranges applied, oldest first. */
  lost: readonly LostRange[] = [];
  /** Who sent what was received here. */
  readonly senders: Senders = new Senders();
  lastSendT: Hlc = NO_TIME;
  lastReceiveT: Hlc = NO_TIME;
  /** Everything up to this seq is applied. */
  seq = 0;
  /** Everything up to this t is applied, if the view was moved by time. */
  t: Hlc = MIN_HLC;
  /** The logs that it is restricted to; undefined: it follows all. */
  readonly only: ReadonlySet<string> | undefined;

  constructor(only?: ReadonlySet<string>) {
    this.only = only;
  }

  /** Whether this view follows that log. */
  follows(log: string): boolean {
    return this.only === undefined || this.only.has(log);
  }

  /** The image of a log, made empty if there is none: lost, if a lost range before it names it. */
  image(log: string): LogImage {
    let image = this.logs.get(log);
    if (image === undefined) {
      image = new LogImage();
      image.lost = this.lost.filter((range) => touches(range, log));
      this.logs.set(log, image);
    }
    return image;
  }

  /** The lost ranges that a log has not recovered from, whether it was ever seen or not. */
  lostOf(log: string): readonly LostRange[] {
    return this.logs.get(log)?.lost ?? this.lost.filter((range) => touches(range, log));
  }

  /** Why a variable of a log that is followed is not known now; undefined if it is, or is not there. */
  unknownOf(log: string, key: string): UnknownReason | undefined {
    const image = this.logs.get(log);
    return image === undefined ? unknownBy(this.lostOf(log)) : image.unknownOf(key);
  }

  /**
   * Applies the events [start, end) of a batch. They must follow on what is applied. Whoever
   * applies a batch bit by bit passes the same `places`, so that its variables are looked up once.
   */
  applyEvents(
    batch: EventRows,
    start: number,
    end: number,
    places: Places = placesFor(batch),
  ): void {
    const { events } = batch;
    const { kind, ref, variables } = events;
    const { slots, images } = places;
    if (!places.hasLists) this.#placeLists(batch, places);
    for (let i = start; i < end; i += 1) {
      const code = kind[i] as number;
      if (code > 3) {
        this.#applyBody(batch, i, code);
        continue;
      }
      const variable = ref[i] as number;
      let slot = slots[variable] as number;
      if (slot === UNRESOLVED) {
        const { log, key } = variables[variable] as VariableRef;
        if (this.follows(log)) {
          const image = this.image(log);
          images[variable] = image;
          slot = image.slotFor(key);
        } else {
          slot = SKIPPED;
        }
        slots[variable] = slot;
      }
      if (slot >= 0) (images[variable] as LogImage).applyChange(slot, code, events, i);
    }
    if (end > start) this.seq = Math.max(this.seq, seqAt(batch, end - 1));
  }

  /** The lists of logs that are there already: looked up as a whole, as many blocks share a list. */
  #placeLists({ lists = [] }: EventRows, places: Places): void {
    places.hasLists = true;
    for (const { first, variables } of lists) {
      const { log } = variables[0] as VariableRef;
      const image = this.follows(log) ? this.logs.get(log) : undefined;
      if (image === undefined || image.base.keys.length === 0) continue;
      places.slots.set(image.base.placesOf(variables), first);
      places.images.fill(image, first, first + variables.length);
    }
  }

  #applyBody(batch: Batch, i: number, code: number): void {
    const { events } = batch;
    const body = events.bodies[events.ref[i] as number];
    const t = events.t[i] as Hlc;
    if (code === KindCode.keyframe) {
      const { log, state } = body as Pick<KeyframeEvent, "log" | "state">;
      if (this.follows(log)) this.image(log).replace(state);
    } else if (code === KindCode.send) {
      this.lastSendT = t;
    } else if (code === KindCode.receive) {
      this.lastReceiveT = t;
      const { from, sentT } = body as Pick<ReceiveEvent, "from" | "sentT">;
      if (from !== null) this.senders.note(from, t, sentT);
    }
  }

  /**
   * Whether a lost range is still to be applied. One of which a part was applied is, once more, when it
   * has grown past that: neighbours are folded into one as they are declared (ingest/lost-ranges.ts).
   */
  awaits(range: CountedLoss): boolean {
    const { untilSeq } = range;
    if (untilSeq === undefined) return range.lastSeq > this.seq;
    // Of a block some events may lie before where this view began, and others after it.
    const isBehind = untilSeq <= this.seq || range.lastT <= this.t;
    return !isBehind && !this.lost.some((one) => isOfSameBlock(one, range));
  }

  /** Events that were recorded and will never come: the logs named are lost from here. */
  applyLost(range: CountedLoss): void {
    const isWithin = range.untilSeq !== undefined && range.firstSeq <= this.seq;
    const from = { firstSeq: this.seq + 1, lastSeq: this.seq + 1 };
    const lost = isWithin ? { ...range, ...from } : range;
    for (const [log, image] of this.logs) if (touches(lost, log)) image.lose(lost);
    this.lost = withRange(this.lost, lost);
    if (range.messages && range.reason === "refused") this.#mayHaveSpoken(range.lastT);
    // The event at the next seq is another block's, and there.
    if (!isWithin) this.seq = Math.max(this.seq, lost.lastSeq);
  }

  /** Damaged messages: who asks when the last was must look there, and is told. */
  #mayHaveSpoken(t: Hlc): void {
    this.lastSendT = Math.max(this.lastSendT, t) as Hlc;
    this.lastReceiveT = Math.max(this.lastReceiveT, t) as Hlc;
  }
}

/** Where a batch's variables lie in a view, by index; found as they are met, those of lists before. */
export interface Places {
  hasLists: boolean;
  readonly slots: Int32Array;
  readonly images: (LogImage | undefined)[];
}

export function placesFor({ events }: Batch): Places {
  const { length } = events.variables;
  return {
    hasLists: false,
    slots: new Int32Array(length).fill(UNRESOLVED),
    images: new Array(length),
  };
}

/** Whether a lost range may have changed that log. */
export function touches(range: LostRange, log: string): boolean {
  return range.logs === null || range.logs.includes(log);
}
