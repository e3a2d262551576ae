/** Turns cuts into encoded batches, and a batch that is too large into two. */
import {
  type Batch,
  type BatchHeader,
  decodeBatch,
  type EpochRef,
  type EventColumns,
  encodeBatch,
  type Hlc,
  type Json,
  KindCode,
  type LostRange,
  NO_EVENTS,
  RetroError,
  type SideBlock,
} from "../kernel/index.ts";
import type { QueuedBatch } from "./batch-queue.ts";
import type { SourceCut } from "./event-source.ts";

/** What an agent says of itself, with the number of the tidings in it; 0: there are none. */
export interface Status {
  readonly json: Json;
  readonly tidings: number;
}

/** Where an epoch that was left ended, for declaring losses of it later. */
export interface EpochTail extends EpochRef {
  readonly service: string;
  readonly nextSeq: number;
  readonly closed: Hlc;
}

export class BatchPress {
  #ordinal = 0;

  /**
   * Encodes a cut at once, since its columns are used again. A status that does not fit is left out.
   * @throws RetroError `too-large`, `bad-batch`
   */
  press(
    cut: SourceCut,
    dropped: readonly LostRange[],
    status: Status | null,
    capture?: string,
    sideBlocks: readonly SideBlock[] = [],
  ): QueuedBatch {
    this.#ordinal += 1;
    const { events } = cut;
    const side = sideBlocks.length === 0 ? {} : { sideBlocks };
    const header = headerOf(cut, dropped, status?.json ?? null);
    const about = { ...cut, tidings: status?.tidings ?? 0, capture };
    try {
      return this.#entry({ header, events, ...side }, about, this.#ordinal);
    } catch (error) {
      if (status === null || !isTooLarge(error)) throw error;
      const bare = { ...header, status: null };
      return this.#entry(
        { header: bare, events, ...side },
        { ...about, tidings: 0 },
        this.#ordinal,
      );
    }
  }

  /** An empty batch of an epoch that was left, to declare what was lost of it. */
  pressTail(tail: EpochTail, dropped: readonly LostRange[]): QueuedBatch {
    const { node, epoch, service, closed, nextSeq } = tail;
    const cut: SourceCut = {
      ...{
        node,
        epoch,
        service,
        closed,
        firstSeq: nextSeq,
        lost: [],
        logs: [],
        framed: [],
        messages: false,
      },
      events: NO_EVENTS,
    };
    return this.press(cut, dropped, null);
  }

  /**
   * The two halves of a batch, parted between two stamps; null if it cannot be parted. What it declares
   * goes with the first, side blocks too; both keep its ordinal, and so its place.
   */
  split(entry: QueuedBatch): readonly [QueuedBatch, QueuedBatch] | null {
    const { header, events, ...side } = decodeBatch(entry.bytes);
    const at = partingOf(events);
    if (at === null) return null;
    const lastT = events.t[at - 1] as Hlc;
    const parted = header.firstSeq + at;
    const first: Batch = {
      header: { ...header, lastSeq: parted - 1, lastT, closed: lastT },
      events: partOf(events, 0, at),
      ...side,
    };
    const second: Batch = {
      header: {
        ...header,
        firstSeq: parted,
        firstT: events.t[at] as Hlc,
        dropped: [],
        status: null,
      },
      events: partOf(events, at, events.count),
    };
    const untold = { ...entry, tidings: 0 };
    return [this.#entry(first, entry, entry.ordinal), this.#entry(second, untold, entry.ordinal)];
  }

  #entry(
    batch: Batch,
    about: Pick<QueuedBatch, "logs" | "framed" | "messages" | "tidings" | "capture">,
    ordinal: number,
  ): QueuedBatch {
    const { node, epoch, firstSeq, lastSeq, firstT, lastT, dropped } = batch.header;
    const bytes = encodeBatch(batch);
    return {
      ...{ ordinal, node, epoch, firstSeq, lastSeq, firstT, lastT, dropped, bytes },
      ...{ logs: about.logs, framed: about.framed, messages: about.messages },
      ...{ tidings: about.tidings, capture: about.capture },
    };
  }
}

export function isTooLarge(error: unknown): boolean {
  return error instanceof RetroError && error.code === "too-large";
}

/** A cut that is too large, parted between two stamps; null if it cannot be. */
export function halvesOf(cut: SourceCut): readonly [SourceCut, SourceCut] | null {
  const { events, firstSeq } = cut;
  const at = partingOf(events);
  if (at === null) return null;
  const first = partOf(events, 0, at);
  const second = partOf(events, at, events.count);
  return [
    { ...cut, ...touchedBy(first), events: first, closed: events.t[at - 1] as Hlc },
    { ...cut, ...touchedBy(second), events: second, firstSeq: firstSeq + at, lost: [] },
  ];
}

/** What a loss of these events would mean. */
function touchedBy(events: EventColumns): Pick<SourceCut, "logs" | "framed" | "messages"> {
  const logs = new Set<string>();
  const framed = new Set<string>();
  let messages = false;
  for (let i = 0; i < events.count; i += 1) {
    const ref = events.ref[i] as number;
    if ((events.kind[i] as number) <= KindCode.remove) {
      logs.add((events.variables[ref] as { readonly log: string }).log);
      continue;
    }
    const body = events.bodies[ref];
    if (body?.kind === "keyframe") framed.add(body.log);
    if (body?.kind === "send" || body?.kind === "receive") messages = true;
  }
  return { logs: [...new Set([...logs, ...framed])], framed: [...framed], messages };
}

function headerOf(cut: SourceCut, dropped: readonly LostRange[], status: Json | null): BatchHeader {
  const { node, epoch, service, firstSeq, closed, events } = cut;
  const isEmpty = events.count === 0;
  return {
    ...{ node, epoch, service, firstSeq, closed, dropped, status, imported: false },
    lastSeq: firstSeq + events.count - 1,
    firstT: isEmpty ? closed : (events.t[0] as Hlc),
    lastT: isEmpty ? closed : (events.t[events.count - 1] as Hlc),
  };
}

/** The index nearest the middle whose event has another stamp than the one before it. */
function partingOf({ count, t }: EventColumns): number | null {
  const middle = count >> 1;
  for (let off = 0; off <= middle; off += 1) {
    for (const at of [middle - off, middle + off]) {
      if (at > 0 && at < count && t[at] !== t[at - 1]) return at;
    }
  }
  return null;
}

function partOf(events: EventColumns, start: number, end: number): EventColumns {
  const ref = events.ref.slice(start, end);
  const bodies = events.bodies.slice();
  // The bodies of a half are counted from its own first.
  const kind = events.kind.slice(start, end);
  const used: typeof bodies = [];
  kind.forEach((code, i) => {
    if (code > KindCode.remove) ref[i] = used.push(bodies[ref[i] as number] as never) - 1;
  });
  return {
    count: end - start,
    t: events.t.slice(start, end),
    kind,
    ref,
    valueTag: events.valueTag.slice(start, end),
    valueNumber: events.valueNumber.slice(start, end),
    variables: events.variables,
    values: events.values,
    bodies: used,
  };
}
