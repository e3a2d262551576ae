/**
 * Events of the selection in global order (t, node, epoch, seq), a page at a time: a merge over the
 * epochs, each read batch by batch, so that a page costs what it holds and not the history.
 */
import { type EventKind, type Hlc, KindCode, RetroError } from "../../agent/kernel/index.ts";
import type { EpochRecord } from "../store/history-store.ts";
import type { BlockChoice } from "../store/segment-reader.ts";
import { type EventRows, eventOfRow, seqAt } from "../store/segment-rows.ts";
import { type CutContext, membersNow } from "./context.ts";
import { unknownRuns } from "./cut-at.ts";
import { indexAfter } from "./epoch-source.ts";
import type { EventPage, EventQuery, Incomplete, NodeEvent } from "./history.ts";
import { lossesInside, withoutRepeats } from "./losses-inside.ts";
import { compareText, type Membership, spanAt } from "./membership.ts";
import { type Chosen, choose } from "./selection.ts";
import type { Work } from "./turns.ts";
import { unheardBetween } from "./unknown-senders.ts";
import { isChosen } from "./variables.ts";

/** Cursors looked at in search of the next event before one may pause. */
const LOOKS_PER_STEP = 50_000;

/** @throws RetroError `bad-parameter`, `unknown-node`, `unknown-log` */
export function* eventsOf(context: CutContext, query: EventQuery): Work<EventPage> {
  const { limit } = query;
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= context.limits.pageSize)) {
    throw new RetroError("bad-parameter", `cannot give ${limit} events`, {
      hint: `Ask for 1 to ${context.limits.pageSize}.`,
    });
  }
  const membership = membersNow(context);
  const chosen = choose(query.selection ?? {}, membership);
  const incomplete = missingIn(context, membership, query, chosen);
  const wanted = kindsWanted(query.kinds, chosen);
  const cursors: EpochCursor[] = [];
  try {
    const records = chosen.nodes
      .flatMap(({ spans }) => spans.map(({ record }) => record))
      .sort((a, b) => compareText(a.node, b.node) || a.epoch - b.epoch);
    for (const record of records) {
      const cursor = new EpochCursor(context, record, query, chosen, wanted);
      cursors.push(cursor);
      yield* cursor.begin();
      yield;
    }
    const page = yield* mergedPage(cursors, query);
    return { ...page, complete: incomplete.length === 0, incomplete };
  } finally {
    // A page ends in the middle: what was being read must not stay open in the store.
    for (const cursor of cursors) cursor.close();
  }
}

/** Why events of [from, to] may be missing, as it is when the page is begun. */
export function missingIn(
  context: CutContext,
  membership: Membership,
  { from, to }: Pick<EventQuery, "from" | "to">,
  chosen: Chosen,
): Incomplete[] {
  if (from > to) return [];
  // Losses are looked up in (a, b].
  const before = (from - 1) as Hlc;
  return withoutRepeats([
    ...chosen.nodes.flatMap((node) => [
      ...unknownRuns(context, node, spanAt(node, to), to, chosen, membership),
      ...lossesInside(context, membership, node, before, to, chosen),
    ]),
    ...unheardBetween(context, membership, before, to, chosen),
  ]);
}

function* mergedPage(
  cursors: readonly EpochCursor[],
  { limit, after }: EventQuery,
): Work<{ readonly events: readonly NodeEvent[]; readonly more: boolean }> {
  const events: NodeEvent[] = [];
  let looks = 0;
  for (;;) {
    looks += cursors.length;
    if (looks > LOOKS_PER_STEP) {
      looks = 0;
      yield;
    }
    // Strictly earlier wins: on ties the cursor that comes first in node order is taken.
    let next: EpochCursor | undefined;
    for (const cursor of cursors) {
      if (cursor.isOpen && (next === undefined || cursor.t < next.t)) next = cursor;
    }
    if (next === undefined) return { events, more: false };
    if (events.length === limit) return { events, more: true };
    if (after === undefined || next.isAfter(after)) events.push(next.take());
    yield* next.advance();
  }
}

/** By kind code, whether such events are asked for. With logs or keys chosen only variables' are. */
function kindsWanted(kinds: readonly EventKind[] | undefined, chosen: Chosen): readonly boolean[] {
  const hasFilter = chosen.logs !== undefined || chosen.keys !== undefined;
  return Object.entries(KindCode).map(([kind, code]) => {
    const concernsVariables = code <= 3 || code === KindCode.keyframe;
    if (hasFilter && !concernsVariables) return false;
    return kinds === undefined || kinds.length === 0 || kinds.includes(kind as EventKind);
  });
}

/** What of a segment holds events of those kinds. */
function blocksFor({ logs }: Chosen, wanted: readonly boolean[]): BlockChoice {
  const { send, receive, keyframe } = KindCode;
  const isOfLog = (code: number): boolean => code <= 3 || code === keyframe;
  const isMessage = (code: number): boolean => code === send || code === receive;
  return {
    logs: wanted.some((is, code) => is && isOfLog(code)) ? logs : new Set(),
    messages: wanted.some((is, code) => is && isMessage(code)),
    rest: wanted.some((is, code) => is && !isOfLog(code) && !isMessage(code)),
  };
}

/** The events of one epoch that match, in seq order. */
class EpochCursor {
  readonly #record: EpochRecord;
  readonly #batches: Iterator<EventRows>;
  readonly #to: Hlc;
  readonly #from: Hlc;
  readonly #chosen: Chosen;
  readonly #wanted: readonly boolean[];
  #batch: EventRows | undefined;
  #index = 0;
  /** Time of the event it stands at. */
  t: Hlc;

  constructor(
    context: CutContext,
    record: EpochRecord,
    { from, to, after }: EventQuery,
    chosen: Chosen,
    wanted: readonly boolean[],
  ) {
    this.#record = record;
    this.#from = after === undefined || after.t < from ? from : after.t;
    this.#to = to;
    this.#chosen = chosen;
    this.#wanted = wanted;
    this.t = this.#from;
    const isEmpty = record.joined > to || record.lastT < this.#from;
    this.#batches = isEmpty
      ? [][Symbol.iterator]()
      : context.source.batches(record.id, this.#from, to, { choice: blocksFor(chosen, wanted) });
  }

  /** Goes to the first event that matches. */
  *begin(): Work<void> {
    this.#nextBatch();
    yield* this.#settle();
  }

  get isOpen(): boolean {
    return this.#batch !== undefined;
  }

  isAfter(ref: NonNullable<EventQuery["after"]>): boolean {
    if (this.t !== ref.t) return this.t > ref.t;
    const order =
      compareText(this.#record.node, ref.node) ||
      this.#record.epoch - ref.epoch ||
      this.#seq - ref.seq;
    return order > 0;
  }

  get #seq(): number {
    return this.#batch === undefined ? this.#index : seqAt(this.#batch, this.#index);
  }

  take(): NodeEvent {
    const { node, service, epoch } = this.#record;
    return { node, service, epoch, event: eventOfRow(this.#batch as EventRows, this.#index) };
  }

  *advance(): Work<void> {
    this.#index += 1;
    yield* this.#settle();
  }

  /** Ends the reading. A cursor that has come to its end has done so itself. */
  close(): void {
    this.#batch = undefined;
    this.#batches.return?.();
  }

  #nextBatch(): void {
    const next = this.#batches.next();
    this.#batch = next.done === true ? undefined : next.value;
    this.#index =
      this.#batch === undefined
        ? 0
        : indexAfter(this.#batch.events.t, (this.#from - 1) as Hlc, this.#batch.events.count);
  }

  /** Moves on to the next event that matches. */
  *#settle(): Work<void> {
    while (this.#batch !== undefined) {
      const { events } = this.#batch;
      for (; this.#index < events.count; this.#index += 1) {
        this.t = events.t[this.#index] as Hlc;
        if (this.t > this.#to) {
          this.close();
          return;
        }
        if (this.#matches(this.#batch)) return;
      }
      yield;
      this.#nextBatch();
    }
  }

  #matches({ events }: EventRows): boolean {
    const code = events.kind[this.#index] as number;
    if (this.#wanted[code] !== true) return false;
    const ref = events.ref[this.#index] as number;
    if (code <= 3) {
      const variable = events.variables[ref];
      return variable !== undefined && isChosen(this.#chosen, variable.log, variable.key);
    }
    const body = events.bodies[ref];
    if (body?.kind !== "keyframe") return true;
    return this.#chosen.logs === undefined || this.#chosen.logs.has(body.log);
  }
}
