/** Whom a capture asks, as the store knows the nodes. */
import { type Hlc, RetroError } from "../../agent/kernel/index.ts";
import type { EpochRecord, HistoryStore } from "../store/history-store.ts";
import { isOnDemand } from "./agent-word.ts";
import type { Capture, CaptureNode } from "./capture-record.ts";
import { isAfter } from "./standing.ts";

/** Nodes in one capture. */
export const MAX_NODES_PER_CAPTURE = 1_000;

const latestOf = new WeakMap<readonly EpochRecord[], ReadonlyMap<string, EpochRecord>>();

/** A run that only messages of others tell of can be asked for nothing, while another can. */
function isLater(a: EpochRecord, b: EpochRecord): boolean {
  return isHeardOf(a) === isHeardOf(b) ? isAfter(a, b) : isHeardOf(a);
}

function isHeardOf({ status, stored }: EpochRecord): boolean {
  return status !== null || stored.length > 0;
}

/** The latest run of every node. */
export function latestRuns(store: HistoryStore): ReadonlyMap<string, EpochRecord> {
  const records = store.epochs();
  const known = latestOf.get(records);
  if (known !== undefined) return known;
  const latest = new Map<string, EpochRecord>();
  for (const record of records) {
    const other = latest.get(record.node);
    if (other === undefined || isLater(record, other)) latest.set(record.node, record);
  }
  latestOf.set(records, latest);
  return latest;
}

/**
 * The nodes of a capture of (from, to]: those named, or all that are live or ended inside it.
 * @throws RetroError `unknown-node`
 */
export function whoToAsk(
  store: HistoryStore,
  from: Hlc,
  to: Hlc,
  names?: readonly string[],
): Pick<Capture, "nodes" | "unasked"> {
  const runs = latestRuns(store);
  const chosen = names === undefined ? undefined : new Set(names);
  for (const name of chosen ?? []) {
    if (!runs.has(name)) {
      throw new RetroError("unknown-node", `unknown node ${JSON.stringify(name.slice(0, 256))}`);
    }
  }
  const parts: CaptureNode[] = [];
  for (const run of runs.values()) {
    if (chosen !== undefined && !chosen.has(run.node)) continue;
    const part = partOf(run, from, to, chosen !== undefined);
    if (part !== undefined) parts.push(part);
  }
  // Whoever can be asked comes first where there are too many.
  parts.sort((a, b) => Number(b.state === "asked") - Number(a.state === "asked"));
  const left = parts.slice(MAX_NODES_PER_CAPTURE).filter(({ state }) => state !== "streaming");
  const nodes = parts.slice(0, MAX_NODES_PER_CAPTURE).sort((a, b) => (a.node < b.node ? -1 : 1));
  return { nodes, unasked: left.length };
}

function partOf(run: EpochRecord, from: Hlc, to: Hlc, isNamed: boolean): CaptureNode | undefined {
  const { node, end, imported, joined } = run;
  if (imported) {
    return isNamed ? { node, state: "silent", why: "its history is from a file" } : undefined;
  }
  // One that has not said yet how it ships is asked: whoever ships everything says so then.
  if (run.status !== null && !isOnDemand(run.status)) {
    return end === null || isNamed ? { node, state: "streaming" } : undefined;
  }
  if (end === null) return { node, state: "asked" };
  if (!isNamed && (end.t <= from || joined > to)) return undefined;
  const why = end.kind === "left" ? "it has left" : "it has been silent for long and was given up";
  return { node, state: "silent", why };
}

/** Whether the run began inside the capture's range, after another of the node that shipped on demand. */
export function beganLater(
  store: HistoryStore,
  run: EpochRecord,
  { from }: Pick<Capture, "from">,
): boolean {
  if (run.joined <= from) return false;
  return store
    .epochs()
    .some(
      (other) =>
        other.node === run.node &&
        other.id !== run.id &&
        isAfter(run, other) &&
        isOnDemand(other.status) &&
        (other.end === null || other.end.t > from),
    );
}
