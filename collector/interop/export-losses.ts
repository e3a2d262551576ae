/** Declared losses as lines, and seqs that are missing without having been declared. */
import type { Hlc, Json } from "../../agent/kernel/index.ts";
import type { EventLineJson, NodesJson } from "../api/shapes.ts";
import { type ExportLine, ticksOf } from "./export-start.ts";

export interface Loss {
  /** The time of the last lost event. */
  readonly t: Hlc;
  readonly node: string;
  readonly epoch: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Without epoch and seq. */
  readonly line: ExportLine;
}

/** All declared losses, by their last time. */
export function lossesOf(nodes: NodesJson["nodes"]): Loss[] {
  return nodes
    .flatMap((node) => node.lost.map((range) => lossOf(node, range)))
    .sort((a, b) => a.t - b.t);
}

function lossOf(
  { node, service, epoch: latest, epochs }: NodesJson["nodes"][number],
  { firstSeq, lastSeq, from, to, logs, reason }: NodesJson["nodes"][number]["lost"][number],
): Loss {
  const owner = epochs.findLast(({ joined }) => ticksOf(joined) <= ticksOf(from));
  const named: { readonly logs?: Json } = logs === null ? {} : { logs };
  const events = lastSeq - firstSeq + 1;
  const line = { node, service, t: to.hlc, kind: "lost", events, from: from.hlc, ...named, reason };
  return { t: ticksOf(to), node, epoch: owner?.epoch ?? latest, firstSeq, lastSeq, line };
}

/** How many seqs between two events of an epoch are missing and not declared lost. */
export function undeclared(
  losses: readonly Loss[],
  before: EventLineJson,
  after: EventLineJson,
): number {
  let missing = after.seq - before.seq - 1;
  if (missing === 0) return 0;
  for (const { node, epoch, firstSeq, lastSeq } of losses) {
    if (node !== after.node || epoch !== after.epoch) continue;
    const first = Math.max(firstSeq, before.seq + 1);
    const last = Math.min(lastSeq, after.seq - 1);
    missing -= Math.max(0, last - first + 1);
  }
  return Math.max(0, missing);
}
