/**
 * Walking every cut of a range with a predicate of the host's language: shapes and promises. What RQL
 * cannot say (reachability, order, recursion) is said here; RQL's own tests compare with it.
 */
import type { Hlc, Value } from "../../agent/kernel/index.ts";
import type {
  Incomplete,
  InFlightMessage,
  Selection,
  StepChange,
  UnknownReason,
} from "./answers.ts";

/** Which cuts to walk. Times are stamps, or texts as everywhere: `-5m`, `now`, ISO 8601 with a zone. */
export interface WalkOptions extends Selection {
  /** The first cut. Before all that is known the walk begins at the earliest time known. */
  readonly from: Hlc | string;
  /** The last cut, included. */
  readonly to: Hlc | string;
  /** Ends the walk with RetroError `cancelled` when it aborts. */
  readonly signal?: AbortSignal;
}

/** What else rows are made with. */
export interface WalkRowOptions<Values = undefined> extends WalkOptions {
  /** What a row shows: called at the cut at which its interval begins. */
  readonly select?: (view: WalkView) => Values;
  /** A row for each cut at which the predicate holds, instead of one per interval. */
  readonly eachChange?: boolean;
  /** The walk ends after so many rows. */
  readonly limit?: number;
}

/**
 * One thing that changed at a cut. An empty key stands for the whole log (its changes are lost, or it is
 * known again), an empty log for the whole node (it joined, it left or expired, its changes are lost).
 */
export type WalkChange = Pick<StepChange, "node" | "log" | "key" | "kind">;

/**
 * The state at one cut. One object that moves on: what is read from it must be copied to be kept, its
 * maps included. Values themselves never change.
 */
export interface WalkView {
  /** The time of the cut. */
  readonly time: Hlc;
  /** The selected nodes that are members at it, sorted. */
  readonly nodes: readonly string[];
  /**
   * What a variable holds; undefined: there is no such variable, or it is not known (`unknown`).
   * @throws RetroError `bad-parameter` for a log or node that is not walked
   */
  get(node: string, log: string, key: string): Value | undefined;
  /** Why it is not known what a variable holds; undefined: it is, or it is known not to exist. */
  unknown(node: string, log: string, key: string): UnknownReason | undefined;
  /** A variable on each node that has it, by node. A map of its own. */
  values(log: string, key: string): ReadonlyMap<string, Value>;
  /** All variables of a node's log that are known to exist, by key. Moves on with the view. */
  variables(node: string, log: string): ReadonlyMap<string, Value>;
  /** What happened at this very time; at the first cut nothing. */
  readonly changed: readonly WalkChange[];
  /** Messages in flight at the cut, as in `cutAt`. Read from the store when asked for. */
  inFlight(): readonly InFlightMessage[];
  /** Whether nothing of the selection is missing at this cut. Worked out when asked for. */
  readonly complete: boolean;
  /** Why not, as in `cutAt`. */
  readonly incomplete: readonly Incomplete[];
  /** Whether no receive inside the cut has its send outside. Looked up when asked for. */
  readonly consistent: boolean;
}

/** Whether a condition holds at a cut; undefined: it cannot be said, as something is not known. */
export type WalkPredicate = (view: WalkView) => boolean | undefined;

/**
 * A stretch of time in which a predicate held: [from, to), or up to the end of the range if it is still
 * `open` there. With `eachChange` one cut: `to` is `from`.
 */
export interface WalkRow<Values = undefined> {
  /** From 1. */
  readonly n: number;
  readonly from: Hlc;
  readonly to: Hlc;
  readonly durationMs: number;
  /** It held at the first cut already: its true beginning is not known. */
  readonly sinceStart: boolean;
  /** It still held at the end of the range. */
  readonly open: boolean;
  /** Whether every cut of the stretch is complete. */
  readonly complete: boolean;
  /** Each reason once. */
  readonly incomplete: readonly Incomplete[];
  /** The nodes that changed when it began. */
  readonly by: readonly string[];
  /** What `select` gave. */
  readonly values: Values;
}

/**
 * `history.walk`. Ending the loop early ends the reading. The walk works in short turns, so that whoever
 * else asks is served; what was told to the collector after the walk began may be missing in it, and it
 * is judged complete by what was known then.
 *
 * Cost: the state at `from`, then the events of the range, each once; the view is never built anew.
 *
 * @throws RetroError `bad-time`, `bad-parameter`, `unknown-node`, `unknown-log`, `cancelled`; what a
 * predicate throws comes as `predicate-failed` with its `cause`, and names the cut
 *
 * @example
 * const walk = collector.history.walk({ from: "-5m", to: "now", logs: ["ring"] });
 * for await (const view of walk) {
 *   if (view.values("ring", "leader").size > 1) console.log("two leaders at", formatHlc(view.time));
 * }
 */
export interface Walk {
  /** Every cut at which something of the selection changed, the one at `from` first. */
  (options: WalkOptions): AsyncIterableIterator<WalkView>;
  /** The stretches in which `predicate` holds. It is called once per cut. */
  <Values = undefined>(
    options: WalkRowOptions<Values>,
    predicate: WalkPredicate,
  ): AsyncIterableIterator<WalkRow<Values>>;
}
