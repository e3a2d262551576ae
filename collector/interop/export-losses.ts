/** Declared losses as lines, and seqs that are missing without having been declared. */
import { formatHlc, type Hlc, type Json } from "../../agent/kernel/index.ts";
import type { EventLineJson, NodesJson } from "../api/shapes.ts";
import { type ExportLine, ticksOf } from "./export-start.ts";

export interface Loss {
  /** The time of the last lost event. */
  readonly t: Hlc;
  /** That of the first. */
  readonly from: Hlc;
  readonly node: string;
  readonly epoch: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Without epoch and seq. */
  readonly line: ExportLine;
}

/**
 * All declared losses that begin by `to`, by their last time: of one that goes on, what lies after
 * `to` is left out, but not that there is one.
 */
export function lossesOf(nodes: NodesJson["nodes"], to: Hlc): Loss[] {
  return nodes
    .flatMap((node) =>
      [...node.lost, ...(node.notCaptured?.ranges ?? [])].map((range) => lossOf(node, range)),
    )
    .filter(({ from }) => from <= to)
    .map((loss) => (loss.t <= to ? loss : endedAt(loss, to)))
    .sort((a, b) => a.t - b.t);
}

function endedAt(loss: Loss, to: Hlc): Loss {
  return { ...loss, t: to, line: { ...loss.line, t: formatHlc(to) } };
}

function lossOf(
  { node, service, epoch: latest, epochs }: NodesJson["nodes"][number],
  {
    firstSeq,
    lastSeq,
    from,
    to,
    logs,
    messages,
    reason,
  }: NodesJson["nodes"][number]["lost"][number],
): Loss {
  const owner = epochs.findLast(({ joined }) => ticksOf(joined) <= ticksOf(from));
  const named: { readonly logs?: Json } = logs === null ? {} : { logs };
  const events = lastSeq - firstSeq + 1;
  const what = { events, from: from.hlc, ...named, messages, reason };
  const line = { node, service, t: to.hlc, kind: "lost", ...what };
  return {
    t: ticksOf(to),
    from: ticksOf(from),
    node,
    epoch: owner?.epoch ?? latest,
    firstSeq,
    lastSeq,
    line,
  };
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
