/**
 * How a file about a range begins: with the cut at `from`, so that an import has equal cuts from there.
 *
 *     joined                sends in flight                  from
 *     | join, lost ------------ | ---- | ------------------- | keyframes | events ...
 *
 * What happened between the join and `from` is not in the file, and the `lost` line says so: an import
 * must not take the beginning of the file for the beginning of the world. The keyframes end that loss.
 *
 * Where a log is not wholly known at `from` a keyframe would cover the loss. It gets a `lost` line at
 * `from`, and one `set` for each variable that is known.
 */
import { formatHlc, type Hlc, type Json, parseHlc, RetroError } from "../../agent/kernel/index.ts";
import type { CutJson, H, NodesJson } from "../api/shapes.ts";
import type { CollectorDoor } from "./collector-door.ts";

/** A line to write; its time as text. */
export interface ExportLine {
  readonly node: string;
  readonly t: string;
  readonly kind: string;
  readonly [field: string]: Json;
}

/** The lines before the range's first event, in time order within each node. */
export async function startLines(
  door: CollectorDoor,
  nodes: NodesJson["nodes"],
  from: Hlc,
): Promise<readonly ExportLine[]> {
  let cut: CutJson;
  try {
    cut = await door.ask<CutJson>("/api/cut", { at: formatHlc(from) });
  } catch (error) {
    // History begins inside the range: nothing comes before it.
    if (error instanceof RetroError && error.code === "outside-retention") return [];
    throw error;
  }
  const starts = cut.members.map((node) => {
    const { epochs = [] } = nodes.find((one) => one.node === node) ?? {};
    const joined = epochs.find(({ epoch }) => epoch === cut.nodes[node]?.epoch)?.joined;
    return { node, joined: joined === undefined ? from : ticksOf(joined) };
  });
  // Messages may be missing before the range. Which node's is not known, so one of them says it.
  const doubtful = cut.inFlightComplete
    ? undefined
    : starts.find(({ joined }) => joined < from)?.node;
  return starts.flatMap(({ node, joined }) => [
    ...nodeStart(cut, node, joined, from, node === doubtful),
  ]);
}

function* nodeStart(
  cut: CutJson,
  node: string,
  joined: Hlc,
  from: Hlc,
  lacksMessages: boolean,
): Generator<ExportLine> {
  const { service = node, logs = {} } = cut.nodes[node] ?? {};
  const all = Object.keys(logs);
  const lineAt = (
    t: Hlc,
    kind: string,
    fields: { readonly [field: string]: Json },
  ): ExportLine => ({
    node,
    service,
    t: formatHlc(t),
    kind,
    ...fields,
  });
  // Sends in flight are all in the file, so no message is among what is not.
  const loss = (t: Hlc, ofLogs: readonly string[] | "all", messages = false) => {
    const named: { readonly [field: string]: Json } = ofLogs === "all" ? {} : { logs: ofLogs };
    return lineAt(t, "lost", { events: 1, from: formatHlc(t), ...named, messages });
  };
  const sends = cut.inFlight.filter((message) => message.from === node);
  const sendLine = ({ id, to, peer, sentAt }: CutJson["inFlight"][number]) =>
    lineAt(ticksOf(sentAt), "send", { id, to, ...(peer === null ? {} : { peer }) });

  yield lineAt(joined, "join", {});
  if (joined < from && all.length > 0) yield loss(joined, all);
  const inOrder = [...sends].sort((a, b) => ticksOf(a.sentAt) - ticksOf(b.sentAt));
  yield* inOrder.filter(({ sentAt }) => ticksOf(sentAt) < from).map(sendLine);
  const uncertain = uncertainLogs(cut, node);
  if (uncertain.length > 0 || lacksMessages) yield loss(from, uncertain, lacksMessages);
  for (const [log, state] of Object.entries(logs)) {
    if (uncertain !== "all" && !uncertain.includes(log)) {
      yield lineAt(from, "keyframe", { log, state });
      continue;
    }
    for (const [key, value] of Object.entries(state)) {
      yield lineAt(from, "set", { log, key, value });
    }
  }
  yield* inOrder.filter(({ sentAt }) => ticksOf(sentAt) === from).map(sendLine);
}

/** Logs of a node that are not wholly known in the cut; "all": also those of which nothing is known. */
function uncertainLogs(cut: CutJson, node: string): readonly string[] | "all" {
  const entries = cut.incomplete.filter((entry) => entry.node === node);
  if (entries.some(({ logs }) => logs === undefined)) return "all";
  return [...new Set(entries.flatMap(({ logs }) => logs ?? []))];
}

export function ticksOf(time: H): Hlc {
  const t = parseHlc(time.hlc);
  if (t === undefined) throw new RetroError("bad-time", `the collector sent no time: ${time.hlc}`);
  return t;
}
