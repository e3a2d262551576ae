/**
 * Reads a captured range out of the window as cuts: from the last round of keyframe marks at or before
 * the time that was asked for, with each mark's content made now.
 *
 *     rounds         R1          R2                R3
 *     window   ......mm..........mm................mm.........
 *     asked                           (from ........... to]
 *     shipped                    mm................mm..
 *
 * The content is exact, as every local snapshot is: a view is rolled back to the round, and moves forward
 * with the reading. A mark outside every round is of a log that was new then, and empty. A log whose state
 * is too large for a keyframe gets a `mark` in its place that says so: its seq is taken, its state is not told.
 * In the first round of an epoch that would read as an epoch that began without the log: there the marks up to
 * the last of that kind stay what they were declared to be, not captured.
 *
 * What was shipped already is left out; a stretch that left the window while it was being read is skipped
 * up to the next round.
 */
import {
  type EventBody,
  type Hlc,
  type KeyframeEvent,
  KindCode,
  type LostRange,
  type Value,
  ValueSet,
} from "../kernel/index.ts";
import { CutColumns, type Stand } from "./cut-columns.ts";
import { type Cut, cutOf, type EventFeed } from "./event-feed.ts";
import type { IndexRanges } from "./index-ranges.ts";
import { takeIn, takeMember } from "./intake.ts";
import type { KeyframeMarks, Round } from "./keyframe-marks.ts";
import { VARIABLE_BYTES } from "./keyframes.ts";
import { STATE_LIMITS } from "./limits.ts";
import type { Recording } from "./recording.ts";
import { utf8Bytes } from "./texts.ts";
import { View } from "./view.ts";

/** Beside a set's member. */
const MEMBER_BYTES = 32;
const NO_STATE: ReadonlyMap<string, Value> = new Map();

/** The state of one log. */
interface LogState {
  readonly state: Map<string, Value>;
  bytes: number;
}

export interface ReaderParts {
  readonly recording: Recording;
  readonly feed: EventFeed;
  readonly marks: KeyframeMarks;
  /** Window indexes of what was cut already, and must not be again. */
  readonly taken: IndexRanges;
  readonly maxKeyframeBytes: number;
  /** Passes over everything recorded so far, and says what is lost by that: nothing that is cut here. */
  readonly pass: () => readonly LostRange[];
}

export class CaptureReader {
  readonly #parts: ReaderParts;
  readonly #epoch: number;
  readonly #columns: CutColumns;
  #round: Round;
  #nextIndex: number;
  /** Where what is shipped begins. */
  #firstIndex: number;
  #reachedT: Hlc;
  #hasGap: boolean;
  /** The collector was told that whatever it was not sent is later than this. */
  #promisedT: number = Number.NEGATIVE_INFINITY;
  #view: View | undefined;
  #reuseCount = -1;
  #states: { readonly round: Round; readonly byLog: Map<string, LogState> } | undefined;

  /** undefined: the window holds no round, so there is nowhere to begin. */
  static from(parts: ReaderParts, from: Hlc): CaptureReader | undefined {
    const { rounds } = parts.marks;
    const round = rounds.findLast(({ t }) => t <= from) ?? rounds[0];
    return round && new CaptureReader(parts, round, from);
  }

  private constructor(parts: ReaderParts, round: Round, from: Hlc) {
    this.#parts = parts;
    // With a keyframe on top a cut still fits into the queue that set the keyframe's limit.
    this.#columns = new CutColumns(parts.maxKeyframeBytes / 2);
    this.#epoch = parts.feed.epoch;
    this.#round = round;
    this.#nextIndex = round.start;
    this.#firstIndex = round.start;
    this.#reachedT = round.t;
    this.#hasGap = round.t > from;
  }

  /** From here on what was read can be understood. */
  get fromT(): Hlc {
    return this.#round.t;
  }

  /** Up to here everything was read. */
  get reachedT(): Hlc {
    return this.#reachedT;
  }

  /** Whether something that was asked for is not among what was read. */
  get hasGap(): boolean {
    return this.#hasGap || !this.#round.isWhole;
  }

  /** What was read, by seq. Good while the epoch is the same. */
  get firstSeq(): number {
    return this.#parts.feed.seqOf(this.#firstIndex);
  }

  get lastSeq(): number {
    return this.#parts.feed.seqOf(this.#nextIndex) - 1;
  }

  /** Whether another epoch began meanwhile: nothing more can be read. */
  get isOver(): boolean {
    return this.#parts.feed.epoch !== this.#epoch;
  }

  /** From this index on events are still to be read. */
  get nextIndex(): number {
    return this.#nextIndex;
  }

  /** The next events at or before `to`; null: there are none now. @throws what a broken clock throws; nothing is lost by it */
  cut(to: Hlc): Cut | null {
    const { recording, feed, taken } = this.#parts;
    const { window, table, clock } = recording;
    if (this.isOver || !this.#skipGap()) return null;
    const reached = Math.max(clock.last, clock.physicalNow()) as Hlc;
    if (reached >= to) clock.raiseTo(to); // whatever the clock does, nothing later is at or before `to`
    const closed = clock.now(); // past the last event, which a change might share its stamp with
    const lost = this.#parts.pass();
    const stop = window.firstAfter(to);
    this.#passUnknown();
    const missing = taken.firstMissing(this.#nextIndex, stop);
    if (missing === undefined) {
      this.#nextIndex = Math.max(this.#nextIndex, stop);
      this.#reachedT = Math.min(to, reached) as Hlc;
      this.#view = undefined;
      this.#states = undefined;
      this.#columns.copy(window, table, window.nextIndex);
      if (lost.length > 0) {
        return cutOf(feed.identity, feed.seqOf(window.nextIndex), closed, this.#columns, lost);
      }
      // Nothing is promised of an epoch that began after it.
      if (reached < to || this.#promisedT >= to || feed.seqOf(stop) <= 1) return null;
      // The end, said by itself: what is declared of events behind it may be coarser than they are.
      this.#promisedT = to;
      return cutOf(feed.identity, feed.seqOf(stop), to, this.#columns, []);
    }
    const { start, end } = missing;
    this.#columns.copy(window, table, start, end, (index, body) => this.#standFor(index, body));
    const { nextIndex, lastT } = this.#columns;
    taken.add(start, nextIndex);
    this.#nextIndex = nextIndex;
    this.#reachedT = lastT as Hlc;
    // Where more follows that was not asked for, all of it is later than the moment before its first: so a
    // cut between the last event of the capture and its end is known to lack nothing.
    const next = nextIndex === window.nextIndex ? undefined : window.tAt(nextIndex);
    const upTo = next === undefined ? closed : (Math.max(lastT, next - 1) as Hlc);
    this.#promisedT = upTo;
    return cutOf(feed.identity, feed.seqOf(start), upTo, this.#columns, lost);
  }

  /** Where what comes next has left the window: goes on at the next round; false: there is none yet. */
  #skipGap(): boolean {
    const { recording, marks } = this.#parts;
    if (this.#nextIndex >= recording.window.firstIndex) return true;
    this.#hasGap = true;
    const [round] = marks.rounds;
    if (round === undefined) return false;
    this.#round = round;
    this.#nextIndex = round.start;
    this.#firstIndex = round.start;
    this.#reachedT = round.t;
    return true;
  }

  /** At the beginning of an epoch: leaves out its marks up to the last that cannot be told. */
  #passUnknown(): void {
    const { recording, marks } = this.#parts;
    const round = this.#round;
    if (!round.isFirst || this.#nextIndex !== round.start) return;
    const states = this.#statesAt(round);
    for (let index = round.end - 1; index >= round.start; index -= 1) {
      const chunk = recording.window.chunkOf(index);
      const at = index - chunk.firstIndex;
      if (chunk.kind[at] !== KindCode.keyframe) continue;
      const body = chunk.objects[chunk.ref[at] as number] as KeyframeEvent;
      if (this.#isTold(states.get(body.log)?.bytes ?? 0)) continue;
      marks.tooLarge = body.log;
      round.isWhole = false;
      this.#nextIndex = index + 1;
      this.#firstIndex = index + 1;
      return;
    }
  }

  #isTold(bytes: number): boolean {
    return bytes <= Math.min(this.#parts.maxKeyframeBytes, STATE_LIMITS.keyframeBytes);
  }

  #standFor(index: number, body: EventBody): Stand {
    const { marks } = this.#parts;
    if (body.kind !== "keyframe") return { body, bytes: 0 };
    const round = marks.roundAt(index);
    if (round === undefined) return { body, bytes: 0 };
    const { state, bytes } = this.#statesAt(round).get(body.log) ?? { state: NO_STATE, bytes: 0 };
    if (this.#isTold(bytes)) {
      return { body: { ...body, state }, bytes };
    }
    marks.tooLarge = body.log;
    round.isWhole = false; // whoever begins here lacks it, whether it ships the mark itself or another did
    const text = `log ${body.log} is too large for a keyframe (${bytes} bytes)`;
    return { body: { kind: "mark", text }, bytes: text.length };
  }

  /** The states of all logs at a round, made once for all its marks. */
  #statesAt(round: Round): Map<string, LogState> {
    if (this.#states?.round === round) return this.#states.byLog;
    const byLog = new Map<string, LogState>();
    // Its first marks may have left the window; nothing changes between its marks.
    const view = this.#viewAt(Math.max(round.start, this.#parts.recording.window.firstIndex));
    for (let id = 0; id < view.size; id += 1) {
      const value = view.value(id);
      const ref = view.nameOf(id);
      if (value === undefined || ref === undefined) continue;
      let log = byLog.get(ref.log);
      if (log === undefined) {
        log = { state: new Map(), bytes: 0 };
        byLog.set(ref.log, log);
      }
      log.state.set(ref.key, value);
      log.bytes += VARIABLE_BYTES + utf8Bytes(ref.key) + bytesOf(value);
    }
    this.#states = { round, byLog };
    return byLog;
  }

  /** The state just before an event, walked to from where the view stands, or from now. */
  #viewAt(index: number): View {
    const { table, window } = this.#parts.recording;
    const held = this.#view;
    // Over what has left the window nobody can walk, and of integers given anew it knows nothing.
    const canWalk =
      held !== undefined &&
      held.position >= window.firstIndex &&
      held.size === table.size &&
      this.#reuseCount === table.reuseCount;
    // Kept while the capture is read, over many turns of the host: no set of its may change under it.
    const view = canWalk ? held : new View(table, window, true);
    this.#view = view;
    this.#reuseCount = table.reuseCount;
    view.moveTo(index);
    return view;
  }
}

/** Bytes of a value, as when it was taken in. */
function bytesOf(value: Value): number {
  if (typeof value === "number" || typeof value === "boolean" || value === null) return 0;
  if (!(value instanceof ValueSet)) return takeIn(value).bytes;
  let bytes = 0;
  for (const member of value.members) bytes += takeMember(member).bytes + MEMBER_BYTES;
  return bytes;
}
