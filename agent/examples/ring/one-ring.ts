/**
 * The invariant, as predicates over the state of all nodes at one cut. What RQL cannot say: it is about where
 * one comes to by following pointers.
 *
 *     one ring               in pieces              an appendage          two rings
 *     a -> b -> c -> a       a -> b -> ?            d -> b, a -> b ...    a -> c -> a, b -> d -> b
 */
import type { WalkView } from "retroscope/collector";
import { identifierOf } from "./identifiers.ts";

/** What a member believes. */
export interface Member {
  readonly successors: readonly string[];
}

/** Members by name. */
export type RingState = ReadonlyMap<string, Member>;

/** Of each ring node; `run` says which life of it. */
export const RING_LOG = "ring";
/** Of the operator, who kills: the last run of each node that was killed; 0: none. */
export const KILLED_LOG = "killed";
export const OPERATOR = "operator";

/**
 * The members at a cut: who has successors and was not killed since it began. A dead node cannot say that it
 * is dead, so the one who killed it does. undefined: what some node believes is not known there.
 */
export function ringAt(view: WalkView): RingState | undefined {
  const members = new Map<string, Member>();
  for (const node of view.nodes) {
    if (node === OPERATOR) continue;
    if (view.unknown(node, RING_LOG, "successors") !== undefined) return undefined;
    const successors = view.get(node, RING_LOG, "successors");
    if (!Array.isArray(successors)) continue;
    const run = Number(view.get(node, RING_LOG, "run") ?? 0);
    const killedRun = Number(view.get(OPERATOR, KILLED_LOG, node) ?? 0);
    if (run > killedRun) members.set(node, { successors: successors.map(String) });
  }
  return members;
}

/**
 * Whether following first successors from any member leads through all of them, in the order of their
 * identifiers, and back: the state that Chord strives for. Broken whenever somebody joins, leaves or fails,
 * until the neighbours have noticed.
 */
export function isOneRing(state: RingState): boolean {
  const [start] = state.keys();
  if (start === undefined) return true;
  const path = [start];
  for (;;) {
    const next = state.get(path.at(-1) as string)?.successors[0];
    if (next === undefined || !state.has(next)) return false;
    if (next === start) return path.length === state.size && isInOrder(path);
    if (path.length >= state.size) return false; // round and round without coming back
    path.push(next);
  }
}

/**
 * Whether the ring can be mended by itself: following first *living* successors, everybody comes to one and
 * the same ring, which is in order. It has to hold at every cut, in the midst of churn too (Zave's "at most
 * one ring", "ordered ring", "connected appendages").
 */
export function isMendable(state: RingState): boolean {
  const nextOf = (name: string): string | undefined =>
    state.get(name)?.successors.find((one) => state.has(one));
  let ring: ReadonlySet<string> | undefined;
  for (const start of state.keys()) {
    const path: string[] = [];
    let at: string | undefined = start;
    while (at !== undefined && !path.includes(at)) {
      path.push(at);
      at = nextOf(at);
    }
    if (at === undefined) return false;
    const circle = path.slice(path.indexOf(at));
    ring ??= new Set(circle);
    if (!ring.has(at) || !isInOrder(circle)) return false;
  }
  return true;
}

/** Whether identifiers rise along a circle, but for the one place where it passes zero. */
function isInOrder(circle: readonly string[]): boolean {
  const falls = circle.filter((name, i) => {
    const next = circle[(i + 1) % circle.length] as string;
    return identifierOf(next) <= identifierOf(name);
  });
  return falls.length === 1;
}
