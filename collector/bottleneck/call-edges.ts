/**
 * Who calls whom, and what each call took: the calls of all requests, by caller and callee. A callee
 * without an agent is known by the name that its caller has for it.
 */
import type { Work } from "../cut/turns.ts";
import type { NodeRecording, TracedCall } from "./recording.ts";
import { hopGapUs } from "./request-times.ts";

/** Requests looked at before one may pause. */
const REQUESTS_PER_STEP = 5_000;

export interface CallEdge {
  readonly from: string;
  /** The callee's node, or, if it has no agent, the peer's name. */
  readonly to: string;
  /** Whether the callee is a node that we know. */
  readonly isKnown: boolean;
  /** Ascending by start. */
  readonly calls: readonly TracedCall[];
}

/** What a call lost on its way. To a peer without an agent all of it; undefined: the callee's request has not come. */
export function gapOf({ isKnown }: CallEdge, call: TracedCall): number | undefined {
  return isKnown ? hopGapUs(call) : call.endUs - call.startUs;
}

/** The edges of all recordings, by caller and callee. */
export function* callEdges(recordings: readonly NodeRecording[]): Work<CallEdge[]> {
  const known = new Set(recordings.map(({ node }) => node));
  const all: { edge: Omit<CallEdge, "calls">; calls: TracedCall[] }[] = [];
  for (const recording of recordings) {
    const from = recording.node;
    const edges = new Map<string, (typeof all)[number]>();
    const nodeOf = nodesByPeer(recording);
    yield;
    for (const [i, { calls }] of recording.requests.entries()) {
      if (i % REQUESTS_PER_STEP === REQUESTS_PER_STEP - 1) yield;
      for (const call of calls) {
        const to = call.callee?.node ?? nodeOf.get(call.peer) ?? call.peer;
        let found = edges.get(to);
        if (found === undefined) {
          found = { edge: { from, to, isKnown: known.has(to) }, calls: [] };
          edges.set(to, found);
        }
        found.calls.push(call);
      }
    }
    all.push(...edges.values());
  }
  for (const { calls } of all) {
    calls.sort((a, b) => a.startUs - b.startUs);
    yield;
  }
  return all
    .map(({ edge, calls }) => ({ ...edge, calls }))
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
): TracedCall[] {
  const found: TracedCall[] = [];
  for (let i = firstFrom(calls, startUs - longestUs); i < calls.length; i += 1) {
    const call = calls[i] as TracedCall;
    if (call.startUs >= endUs) break;
    if (call.endUs > startUs) found.push(call);
  }
  return found;
}

/** The index of the first call that begins at `us` or later. */
export function firstFrom(calls: readonly TracedCall[], us: number): number {
  let low = 0;
  let high = calls.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((calls[middle] as TracedCall).startUs < us) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
