/**
 * How far the nodes' physical clocks are apart, bounded by the messages between them.
 *
 *     i   ----- s ------------------        C_i, C_j: the physical clocks, each rising
 *                 \
 *     j   ---------- r -------------        C_j(receive) - C_i(receive) <= r - low_i(send)
 *
 * Sent before received: when j receives, C_i shows at least what it showed at the send, so whatever is
 * known to be at most C_i at the send gives an upper bound of C_j - C_i, and a message the other way a
 * lower one. A range has the smallest upper and the largest lower bound; the truth lies between, if the
 * clocks ran evenly. The idea is that of Cristian's probabilistic clock reading and of Duda, Harrus,
 * Haddad and Bernard, "Estimating Global Time in Distributed Systems", ICDCS 1987.
 *
 * Events carry no physical time, only HLC stamps, and those are at or ahead of it: C <= stamp. That is
 * what is wanted of r. Of s the other side is wanted, so the stamp alone would be wrong by the lead of i's
 * HLC (which is that of whoever i heard of). But a stamp that is well above everything its clock had seen
 * (the stamp before it, the stamp it merged) can only be physical time itself:
 *
 *     stamps of i     100  101  102     900  903  905 merged 5000 -> 5001  5002 ...
 *     physical                          900                                          low = 900, for a second
 *
 * `low` is the latest such stamp. Between it and the send C_i can only have risen, so the bound stays
 * true, and gets no worse than the time between the two. Ticks that a clock issues without an event
 * (heartbeats, repeats) raise its stamps by one each: `PHYSICAL_GAP_TICKS` is beyond them.
 *
 * What is behind is seen less: a node that hears all the time of a clock far ahead of its own shows no
 * physical time at all any more. Then one of the two bounds is missing, or as old as `FRESH_TICKS`
 * allows; that it is behind still shows, in the other one.
 *
 * A clock that is set back within the range breaks "each rising": then bounds may contradict each other
 * (`moved`). Nodes that followed such a step say so (`clockSteps` of /api/nodes).
 */
import { TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { ClockOffset } from "./audit-shapes.ts";
import { compareText } from "./membership.ts";

/** A stamp so far above all that its clock had seen is physical time: 62.5 us. */
export const PHYSICAL_GAP_TICKS = 256;
/** A lower bound of a clock is of use for so long. */
const FRESH_TICKS = 1_000 * TICKS_PER_MS;

/** What the events of one run, in order, tell of its node's physical clock. */
export class RunClock {
  #last: number = Number.NaN;
  #nextSeq = 0;
  #low: number = Number.NEGATIVE_INFINITY;

  /** An event. `merged`: the stamp that it merged, if it is a receive that did. */
  note(seq: number, t: number, merged: number): void {
    const seen = Math.max(this.#last, merged); // NaN as long as nothing is known
    if (seq === this.#nextSeq && t - seen >= PHYSICAL_GAP_TICKS) this.#low = t;
    this.#last = t;
    this.#nextSeq = seq + 1;
  }

  /** The stamp of the event before, NaN if it was not noted. */
  lastBefore(seq: number): number {
    return seq === this.#nextSeq ? this.#last : Number.NaN;
  }

  /** At most the physical clock at an event stamped `t`; undefined: not known. */
  lowAt(t: number): number | undefined {
    return t - this.#low <= FRESH_TICKS ? this.#low : undefined;
  }
}

interface Bounds {
  readonly first: string;
  readonly second: string;
  /** Of clock(second) - clock(first). */
  lower: number;
  upper: number;
  messages: number;
}

/** Gathers bounds by pair of nodes; bounded. */
export class ClockBounds {
  readonly #pairs = new Map<string, Map<string, Bounds>>();
  readonly #most: number;
  #count = 0;
  isCutShort = false;

  constructor(most: number) {
    this.#most = most;
  }

  /** A message from a node whose clock showed at least `low`, received with stamp `t`. */
  message(from: string, to: string, low: number, t: number): void {
    if (from === to) return;
    const isInOrder = from < to;
    const bounds = isInOrder ? this.#boundsOf(from, to) : this.#boundsOf(to, from);
    if (bounds === undefined) return;
    bounds.messages += 1;
    if (isInOrder) bounds.upper = Math.min(bounds.upper, t - low);
    else bounds.lower = Math.max(bounds.lower, low - t);
  }

  #boundsOf(first: string, second: string): Bounds | undefined {
    const seconds = this.#pairs.get(first) ?? new Map<string, Bounds>();
    const known = seconds.get(second);
    if (known !== undefined) return known;
    if (this.#count >= this.#most) {
      this.isCutShort = true;
      return undefined;
    }
    this.#count += 1;
    this.#pairs.set(first, seconds);
    const [lower, upper] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const bounds = { first, second, lower, upper, messages: 0 };
    seconds.set(second, bounds);
    return bounds;
  }

  offsets(): ClockOffset[] {
    return [...this.#pairs.values()]
      .flatMap((seconds) => [...seconds.values()])
      .sort((a, b) => compareText(a.first, b.first) || compareText(a.second, b.second))
      .map(({ first, second, lower, upper, messages }) => ({
        from: first,
        to: second,
        lowerTicks: Number.isFinite(lower) ? lower : null,
        upperTicks: Number.isFinite(upper) ? upper : null,
        messages,
        moved: lower > upper,
      }));
  }
}
