/**
 * Who calls whom, and what each call took: the calls of all requests, by caller and callee. A callee
 * without an agent is known by the name that its caller has for it.
 */
import type { NodeRecording, TracedCall } from "./recording.ts";
import { hopGapUs } from "./request-times.ts";

/** One call; times are of the caller's clock. */
export interface EdgeCall extends TracedCall {
  /** To a peer without an agent all of the call. Undefined: the callee's request has not come. */
  readonly gapUs: number | undefined;
}

export interface CallEdge {
  readonly from: string;
  /** The callee's node, or, if it has no agent, the peer's name. */
  readonly to: string;
  /** Whether the callee is a node that we know. */
  readonly isKnown: boolean;
  /** Ascending by start. */
  readonly calls: readonly EdgeCall[];
}

/** The edges of all recordings, by caller and callee. */
export function callEdges(recordings: readonly NodeRecording[]): CallEdge[] {
  const known = new Set(recordings.map(({ node }) => node));
  const edges = new Map<string, { edge: Omit<CallEdge, "calls">; calls: EdgeCall[] }>();
  for (const recording of recordings) {
    const from = recording.node;
    const nodeOf = nodesByPeer(recording);
    for (const call of recording.requests.flatMap(({ calls }) => calls)) {
      const to = call.callee?.node ?? nodeOf.get(call.peer) ?? call.peer;
      const isKnown = known.has(to);
      const name = JSON.stringify([from, to]);
      const found = edges.get(name) ?? { edge: { from, to, isKnown }, calls: [] };
      edges.set(name, found);
      found.calls.push({ ...call, gapUs: isKnown ? hopGapUs(call) : call.endUs - call.startUs });
    }
  }
  return [...edges.values()]
    .map(({ edge, calls }) => ({ ...edge, calls: calls.sort((a, b) => a.startUs - b.startUs) }))
    .sort((a, b) => compare(a.from, b.from) || compare(a.to, b.to));
}

/** Which node answers under the name that a caller has for it, by the calls whose other side is known. */
function nodesByPeer({ requests }: NodeRecording): Map<string, string> {
  const nodes = new Map<string, string>();
  for (const { calls } of requests) {
    for (const { peer, callee } of calls) if (callee !== null) nodes.set(peer, callee.node);
  }
  return nodes;
}

/** The calls of an edge that touch [startUs, endUs); none is longer than `longestUs`. */
export function callsTouching(
  { calls }: CallEdge,
  startUs: number,
  endUs: number,
  longestUs = 60_000_000,
): EdgeCall[] {
  const found: EdgeCall[] = [];
  for (let i = firstFrom(calls, startUs - longestUs); i < calls.length; i += 1) {
    const call = calls[i] as EdgeCall;
    if (call.startUs >= endUs) break;
    if (call.endUs > startUs) found.push(call);
  }
  return found;
}

/** The index of the first call that begins at `us` or later. */
export function firstFrom(calls: readonly EdgeCall[], us: number): number {
  let low = 0;
  let high = calls.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((calls[middle] as EdgeCall).startUs < us) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
