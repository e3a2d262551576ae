/** What differs between two cuts beside their variables: messages in flight, nodes, latency. */
import type { CutJson, EventLineJson } from "../../../collector/api/shapes.ts";
import { byName } from "./nodes.ts";
import { reasonLabel } from "./reasons.ts";

export interface FlightDiff {
  readonly before: number;
  readonly after: number;
  /** In flight at both; at the first only; at the second only. */
  readonly still: number;
  readonly arrived: number;
  readonly sent: number;
}

/** Lists may be shortened by the collector; then `still`, `arrived` and `sent` are of what is listed. */
export function flightDiff(before: CutJson, after: CutJson): FlightDiff {
  const name = ({ from, id, sentAt }: CutJson["inFlight"][number]) =>
    `${from}\n${id}\n${sentAt.hlc}`;
  const one = new Set(before.inFlight.map(name));
  const two = new Set(after.inFlight.map(name));
  const still = [...one].filter((message) => two.has(message)).length;
  return {
    before: before.totals?.inFlight ?? before.inFlight.length,
    after: after.totals?.inFlight ?? after.inFlight.length,
    still,
    arrived: one.size - still,
    sent: two.size - still,
  };
}

export interface NodeChange {
  readonly node: string;
  readonly what: string;
}

/** Who came, went, started anew, or is known less or more completely; by name. */
export function nodeChanges(before: CutJson, after: CutJson): readonly NodeChange[] {
  const nodes = new Set([...before.members, ...after.members]);
  return [...nodes].sort(byName).flatMap((node) => {
    const was = before.members.includes(node);
    const is = after.members.includes(node);
    const told: string[] = [];
    if (!was) told.push("came");
    else if (!is) told.push("went");
    else if (before.nodes[node]?.epoch !== after.nodes[node]?.epoch) told.push("started anew");
    const [one, two] = [reasonsOf(before, node), reasonsOf(after, node)];
    if (one !== two) told.push(two === "" ? `no longer ${one}` : two);
    return told.length === 0 ? [] : [{ node, what: told.join(", ") }];
  });
}

function reasonsOf({ incomplete }: CutJson, node: string): string {
  const mine = incomplete.filter((one) => one.node === node);
  return [...new Set(mine.map(({ reason }) => reasonLabel(reason)))].sort().join(" and ");
}

export interface LatencyFacts {
  readonly service: string;
  readonly count: number;
  /** Microseconds. */
  readonly p50Us: number;
  readonly p95Us: number;
  readonly maxUs: number;
}

/** Residence of requests by service; percentiles by nearest rank, so each is one that occurred. */
export function latencyOf(requests: readonly EventLineJson[]): readonly LatencyFacts[] {
  const services = new Map<string, number[]>();
  for (const line of requests) {
    const us = Number(line["residenceUs"]);
    if (line.kind !== "request" || !Number.isFinite(us)) continue;
    const known = services.get(line.service);
    if (known === undefined) services.set(line.service, [us]);
    else known.push(us);
  }
  return [...services]
    .sort(([a], [b]) => byName(a, b))
    .map(([service, all]) => {
      all.sort((a, b) => a - b);
      const rank = (share: number) => all[Math.max(0, Math.ceil(share * all.length) - 1)] as number;
      return { service, count: all.length, p50Us: rank(0.5), p95Us: rank(0.95), maxUs: rank(1) };
    });
}
