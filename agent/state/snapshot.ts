/**
 * Local snapshots: the state now, at a past T, and a view that a person or a test moves about.
 *
 * A past state is the state now with the events later than T undone: exact, or an error that names the
 * earliest T there is. Asking for T also closes it: no later event gets a stamp at or before T.
 */
import {
  formatHlcDisplay,
  type Hlc,
  type Json,
  parseTime,
  RetroError,
  valuesEqual,
} from "../kernel/index.ts";
import type { Recording } from "./recording.ts";
import { type LogStates, View } from "./view.ts";

/** The state of this node at a cut. */
export interface Snapshot {
  readonly at: Hlc;
  readonly node: string;
  /** `log -> key -> value`; a set is `{"$set": [...]}`. Copies: changing them changes nothing here. */
  readonly logs: LogStates;
}

/** What differs between two cuts: only variables whose values differ. */
export interface StateChange {
  readonly log: string;
  readonly key: string;
  /** Absent: there was no such variable. */
  readonly before?: Json;
  readonly after?: Json;
}

/** A time as users write it: anything `parseTime` reads, or a timestamp that a call returned. */
export type TimeInput = string | Hlc;

export class Snapshots {
  readonly #recording: Recording;
  readonly #node: () => string;

  constructor(recording: Recording, node: () => string) {
    this.#recording = recording;
    this.#node = node;
  }

  /**
   * The state at `at`, or now.
   * @throws RetroError `outside-window` if `at` is before the window or in the future; `bad-time`
   */
  take(at?: TimeInput): Snapshot {
    const { t, view } = this.viewAt(at);
    return { at: t, node: this.#node(), logs: view.logs() };
  }

  /** A view at `at`, or now. Errors as `take`. */
  viewAt(at?: TimeInput): { readonly t: Hlc; readonly view: View } {
    const { table, window } = this.#recording;
    const t = this.resolve(at);
    const view = new View(table, window);
    view.moveTo(window.firstAfter(t));
    return { t, view };
  }

  /** The time meant, which is inside the window and closed from now on. Errors as `take`. */
  resolve(at?: TimeInput): Hlc {
    const { clock, window, guard } = this.#recording;
    if (guard.isOff) {
      throw new RetroError("closed", `the agent is off (${guard.offReason}) and knows no state`, {
        hint: "Start it with startAgent, and ask before close().",
      });
    }
    const now = Math.max(clock.last, clock.physicalNow()) as Hlc;
    this.#recording.tidy();
    const t = at === undefined ? now : typeof at === "string" ? parseTime(at, now) : at;
    if (!Number.isSafeInteger(t)) parseTime(String(t), now); // throws, naming it
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
  get reclaimCount(): number {
    return this.#recording.table.reclaimCount;
  }

  /** A rolling view at `at`. Errors as `take`. */
  rolling(at: TimeInput): RollingView {
    return new RollingView(this.#recording, this, this.#node, at);
  }
}

/**
 * A snapshot that is moved in place.
 *
 * @example
 * const roll = agent.rolling("-5s");
 * roll.moveTo("-4s");
 * roll.changes; // what became different in that second
 */
export class RollingView {
  readonly #recording: Recording;
  readonly #snapshots: Snapshots;
  readonly #node: () => string;
  #view: View;
  #reclaimCount: number;
  #at: Hlc;
  #changes: readonly StateChange[] = [];

  constructor(recording: Recording, snapshots: Snapshots, node: () => string, at: TimeInput) {
    this.#recording = recording;
    this.#snapshots = snapshots;
    this.#node = node;
    const { t, view } = snapshots.viewAt(at);
    this.#view = view;
    this.#at = t;
    this.#reclaimCount = snapshots.reclaimCount;
  }

  /** Where it stands. */
  get at(): Hlc {
    return this.#at;
  }

  /** What the latest move changed, net: from the position before to this one. Empty before any move. */
  get changes(): readonly StateChange[] {
    return this.#changes;
  }

  /** The state where it stands. */
  get logs(): LogStates {
    return this.#view.logs();
  }

  /** The state where it stands; a copy. Costs the size of the state. */
  snapshot(): Snapshot {
    return { at: this.#at, node: this.#node(), logs: this.#view.logs() };
  }

  /**
   * Moves to another time, either way; relative times count from now. Costs the events between.
   * @throws RetroError `outside-window`, `bad-time`; it then stays where it was
   */
  moveTo(at: TimeInput): this {
    const { table, window } = this.#recording;
    const before = this.#view;
    const t = this.#snapshots.resolve(at);
    const target = window.firstAfter(t);
    const canWalk =
      before.size === table.size &&
      this.#reclaimCount === table.reclaimCount &&
      before.position >= window.firstIndex;
    if (canWalk) this.#changes = this.#walk(target);
    else this.#changes = this.#beginAnew(target);
    this.#at = t;
    return this;
  }

  #walk(target: number): StateChange[] {
    const view = this.#view;
    const before = new Map(Array.from(view.touchedUpTo(target), (id) => [id, view.json(id)]));
    view.moveTo(target);
    const changes: StateChange[] = [];
    for (const [id, old] of before) {
      const ref = view.nameOf(id);
      if (ref !== undefined) pushChange(changes, ref.log, ref.key, old, view.json(id));
    }
    return changes;
  }

  /** Where the way there is no longer in the window, or variables came or went: compares two states. */
  #beginAnew(target: number): StateChange[] {
    const { table, window } = this.#recording;
    const before = this.#view.logs();
    this.#view = new View(table, window);
    this.#reclaimCount = table.reclaimCount;
    this.#view.moveTo(target);
    return diffOf(before, this.#view.logs());
  }
}

const NOTHING = Object.create(null) as Readonly<Record<string, Json>>;

function diffOf(before: LogStates, after: LogStates): StateChange[] {
  const changes: StateChange[] = [];
  for (const log of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const old = before[log] ?? NOTHING;
    const now = after[log] ?? NOTHING;
    for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
      pushChange(changes, log, key, old[key], now[key]);
    }
  }
  return changes;
}

function pushChange(
  changes: StateChange[],
  log: string,
  key: string,
  before: Json | undefined,
  after: Json | undefined,
): void {
  if (valuesEqual(before, after)) return;
  changes.push({
    log,
    key,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  });
}
