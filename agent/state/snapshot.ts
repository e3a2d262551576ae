/**
 * Local snapshots: the state now, at a past T, and a view that a person or a test moves about.
 *
 * A past state is the state now with the events later than T undone: exact, or an error that names the
 * earliest T there is. Asking for T also closes it: no later event gets a stamp at or before T.
 */
import {
  type EventRef,
  formatHlcDisplay,
  type Hlc,
  parseTime,
  RetroError,
  ticksFromUnixMs,
} from "../kernel/index.ts";
import type {
  DiffOptions,
  EventSlice,
  EventsOptions,
  Snapshot,
  SnapshotOptions,
  StateDiff,
  TimeInput,
} from "./questions.ts";
import type { Recording } from "./recording.ts";
import { RollingView } from "./rolling-view.ts";
import { walkTo } from "./state-diff.ts";
import { selectsOf } from "./state-filter.ts";
import { View } from "./view.ts";
import { eventsIn } from "./window-events.ts";

export class Snapshots {
  readonly #recording: Recording;
  readonly #node: () => string;
  readonly #placeOf: (index: number) => EventRef;
  readonly #isInert: boolean;

  /**
   * @param placeOf epoch and seq of an event by its index in the window
   * @param isInert nothing is ever recorded: whatever is asked, there was nothing
   */
  constructor(
    recording: Recording,
    node: () => string,
    placeOf: (index: number) => EventRef = (index) => ({ node: node(), epoch: 0, seq: index + 1 }),
    isInert: boolean = false,
  ) {
    this.#recording = recording;
    this.#node = node;
    this.#placeOf = placeOf;
    this.#isInert = isInert;
  }

  /**
   * The state at `at`, or now.
   * @throws RetroError `outside-window` if `at` is before the window or in the future; `bad-time`
   */
  take(at?: TimeInput, filter: SnapshotOptions = {}): Snapshot {
    const { t, view } = this.viewAt(at);
    return { at: t, node: this.#node(), logs: view.logs(selectsOf(filter)) };
  }

  /**
   * What differs between the states at `from` and at `to`: costs the events between and back to `from`.
   * @param from a time, or an earlier snapshot of this node
   * @throws RetroError as `take`; `bad-time` if `to` is before `from`
   */
  diff(from: TimeInput | Snapshot, { to, ...filter }: DiffOptions = {}): StateDiff {
    const isObject = typeof from === "object" && from !== null && !(from instanceof Date);
    const start = isObject ? ((from.at as Hlc | undefined) ?? (String(from) as TimeInput)) : from;
    const range = this.#range(start, to);
    const { table, window } = this.#recording;
    const view = new View(table, window);
    view.moveTo(window.firstAfter(range.from));
    const selects = selectsOf(filter);
    const changes = walkTo(view, window.firstAfter(range.to)).filter(
      ({ log, key }) => selects?.(log, key) ?? true,
    );
    return { node: this.#node(), ...range, changes };
  }

  /** The events in (from, to]: see `eventsIn`. Errors as `diff`; `bad-parameter`. */
  events(options: EventsOptions = {}): EventSlice {
    const range = this.#range(options.from, options.to);
    return eventsIn(this.#recording, { node: this.#node(), ...range }, options, this.#placeOf);
  }

  /** Both ends inside the window; relative times count from one now. */
  #range(
    from: TimeInput | undefined,
    to: TimeInput | undefined,
  ): { readonly from: Hlc; readonly to: Hlc } {
    const { clock, window } = this.#recording;
    const now = Math.max(clock.last, clock.physicalNow()) as Hlc;
    if (this.#isInert) return { from: now, to: now };
    const end = this.resolve(to, now);
    const start = from === undefined ? window.earliestT : this.resolve(from, now);
    if (start <= end) return { from: start, to: end };
    throw new RetroError(
      "bad-time",
      `${formatHlcDisplay(end)} is before ${formatHlcDisplay(start)}`,
      { hint: "`from` comes first." },
    );
  }

  /**
   * A view at `at`, or now. Errors as `take`.
   * @param isKept whether it is used after this turn: then it shares nothing that changes
   */
  viewAt(at?: TimeInput, isKept: boolean = false): { readonly t: Hlc; readonly view: View } {
    const { table, window } = this.#recording;
    const t = this.resolve(at);
    const view = new View(table, window, isKept);
    view.moveTo(window.firstAfter(t));
    return { t, view };
  }

  /** The time meant, which is inside the window and closed from now on. Errors as `take`. */
  resolve(at?: TimeInput, asOf?: Hlc): Hlc {
    const { clock, window, guard } = this.#recording;
    if (this.#isInert) return Math.max(clock.last, clock.physicalNow()) as Hlc;
    if (guard.isOff) {
      throw new RetroError("closed", `the agent is off (${guard.offReason}) and knows no state`, {
        hint: "Start it with startAgent, and ask before close().",
      });
    }
    const now = asOf ?? (Math.max(clock.last, clock.physicalNow()) as Hlc);
    this.#recording.tidy();
    const t = at === undefined ? now : timeOf(at, now, window.earliestT);
    if (t > now) {
      throw new RetroError("outside-window", `${formatHlcDisplay(t)} has not come yet`, {
        hint: `Ask for a time up to now, ${formatHlcDisplay(now)}.`,
        retriable: true,
      });
    }
    if (t < window.earliestT) {
      const earliest = formatHlcDisplay(window.earliestT);
      throw new RetroError(
        "outside-window",
        `${formatHlcDisplay(t)} is before the window, which begins at ${earliest}`,
        {
          hint: `Ask for ${earliest} or later, make the window larger (windowMs, windowBytes), or ask the collector.`,
          details: { earliest: window.earliestT },
        },
      );
    }
    clock.raiseTo(t);
    return t;
  }

  /** How often the integers of variables were given anew: a view from before must begin again. */
  get reuseCount(): number {
    return this.#recording.table.reuseCount;
  }

  /** A rolling view at `at`. Errors as `take`. */
  rolling(at: TimeInput): RollingView {
    return new RollingView(this.#recording, this, this.#node, at);
  }
}

/** No stamp of this agent is smaller, as agents are younger; Unix milliseconds of our days are. */
const FIRST_OF_2021: Hlc = ticksFromUnixMs(Date.UTC(2021, 0, 1));

/** @throws RetroError `bad-time` */
function timeOf(at: TimeInput, now: Hlc, earliest: Hlc): Hlc {
  if (at instanceof Date) {
    const unixMs = at.getTime();
    if (Number.isNaN(unixMs)) throw new RetroError("bad-time", "not a time: an invalid Date");
    return ticksFromUnixMs(unixMs);
  }
  // What is no timestamp is read as text: that gives one, or throws and names it.
  if (!Number.isSafeInteger(at)) return parseTime(String(at), now);
  if (Number(at) < FIRST_OF_2021 && earliest >= FIRST_OF_2021) {
    throw new RetroError("bad-time", `${at} is no timestamp that a call returned`, {
      hint:
        "A number is a timestamp that a call returned; for Unix milliseconds write " +
        "String(Date.now()) or pass a Date.",
    });
  }
  return at as Hlc;
}
