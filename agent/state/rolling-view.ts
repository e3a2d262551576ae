/** A snapshot that is moved back and forward in place. */
import { formatHlcDisplay, type Hlc } from "../kernel/index.ts";
import type { Snapshot, TimeInput } from "./questions.ts";
import type { Recording } from "./recording.ts";
import { diffOf, type StateChange, walkTo } from "./state-diff.ts";
import { type LogStates, View } from "./view.ts";

/** What a view asks of the window: see `Snapshots`. */
export interface Cuts {
  /** How often the integers of variables were given anew: a view from before must begin again. */
  readonly reuseCount: number;
  resolve(at: TimeInput): Hlc;
  viewAt(at: TimeInput, isKept: boolean): { readonly t: Hlc; readonly view: View };
}

/** `util.inspect.custom`: this folder knows no Node. */
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

/**
 * A snapshot that is moved in place.
 *
 * Where it stands it stays exact, however long: it holds a copy of the state there. The window moves on under
 * it; where the way to the next place has left the window, it begins anew there, and `changes` compares the two
 * states. A place that has left the window is an error, and the view stays where it was.
 *
 * @example
 * const roll = agent.rolling("-5s");
 * roll.moveTo("-4s");
 * roll.changes; // what became different in that second
 */
export class RollingView {
  readonly #recording: Recording;
  readonly #snapshots: Cuts;
  readonly #node: () => string;
  #view: View;
  #reuseCount: number;
  #at: Hlc;
  #changes: readonly StateChange[] = [];

  static {
    // As `console.log` shows it; the state is not read for it.
    Object.defineProperty(RollingView.prototype, INSPECT, {
      value(this: RollingView): object {
        return { at: formatHlcDisplay(this.#at), node: this.#node(), changes: this.#changes };
      },
    });
  }

  constructor(recording: Recording, snapshots: Cuts, node: () => string, at: TimeInput) {
    this.#recording = recording;
    this.#snapshots = snapshots;
    this.#node = node;
    const { t, view } = snapshots.viewAt(at, true);
    this.#view = view;
    this.#at = t;
    this.#reuseCount = snapshots.reuseCount;
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
      this.#reuseCount === table.reuseCount &&
      before.position >= window.firstIndex;
    if (canWalk) this.#changes = walkTo(before, target);
    else this.#changes = this.#beginAnew(target);
    this.#at = t;
    return this;
  }

  /** Where the way there is no longer in the window, or variables came or went: compares two states. */
  #beginAnew(target: number): StateChange[] {
    const { table, window } = this.#recording;
    const before = this.#view.logs();
    this.#view = new View(table, window, true);
    this.#reuseCount = table.reuseCount;
    this.#view.moveTo(target);
    return diffOf(before, this.#view.logs());
  }
}
