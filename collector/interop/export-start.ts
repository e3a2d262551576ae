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
  const runs = runsOf(cut, nodes, from);
  // Messages may be missing before the range. Which run's is not known, so one of them says it.
  const doubtful = cut.inFlightComplete
    ? undefined
    : runs.find(({ joined, isMember }) => isMember && joined < from);
  return runs.flatMap((run) => [
    ...(run.isMember ? memberStart(cut, run, from, run === doubtful) : endedRun(run, from)),
  ]);
}

type Sends = CutJson["inFlight"];

/** A run of a node that the file begins with: of a member, or one that ended with a message in flight. */
interface StartRun {
  readonly node: string;
  readonly service: string;
  readonly joined: Hlc;
  readonly end: Hlc | null;
  readonly isMember: boolean;
  /** In flight at `from`, oldest first. */
  readonly sends: Sends;
}

/** Each node's runs in order. */
function runsOf(cut: CutJson, nodes: NodesJson["nodes"], from: Hlc): StartRun[] {
  return nodes.flatMap(({ node, service, epochs }) => {
    const sent = cut.inFlight
      .filter((message) => message.from === node)
      .sort((a, b) => ticksOf(a.sentAt) - ticksOf(b.sentAt));
    return epochs.flatMap(({ epoch, joined, end }, i): StartRun[] => {
      const isMember = cut.members.includes(node) && cut.nodes[node]?.epoch === epoch;
      const next = epochs[i + 1]?.joined;
      const sends = sent.filter(
        ({ sentAt }) =>
          ticksOf(sentAt) >= ticksOf(joined) &&
          (next === undefined || ticksOf(sentAt) < ticksOf(next)),
      );
      if (!isMember && (sends.length === 0 || ticksOf(joined) > from)) return [];
      const ended = end === null ? null : ticksOf(end);
      return [{ node, service, joined: ticksOf(joined), end: ended, isMember, sends }];
    });
  });
}

type Fields = { readonly [field: string]: Json };

/** Writes lines of one run. */
function writerOf({ node, service }: StartRun) {
  const lineAt = (t: Hlc, kind: string, fields: Fields = {}): ExportLine => ({
    node,
    service,
    t: formatHlc(t),
    kind,
    ...fields,
  });
  return {
    lineAt,
    /** Sends in flight are all in the file, so no message is among what is not, unless said. */
    lossAt(t: Hlc, logs: readonly string[] | "all", messages = false): ExportLine {
      const named: Fields = logs === "all" ? {} : { logs };
      return lineAt(t, "lost", { events: 1, from: formatHlc(t), ...named, messages });
    },
    sendLine({ id, to, peer, sentAt }: Sends[number]): ExportLine {
      return lineAt(ticksOf(sentAt), "send", { id, to, ...(peer === null ? {} : { peer }) });
    },
  };
}

/** A run that is over: all that matters of it is what it sent. */
function* endedRun(run: StartRun, from: Hlc): Generator<ExportLine> {
  const { lineAt, lossAt, sendLine } = writerOf(run);
  yield lineAt(run.joined, "join");
  yield lossAt(run.joined, "all");
  yield* run.sends.map(sendLine);
  yield lineAt(Math.min(run.end ?? from, from) as Hlc, "leave");
}

function* memberStart(
  cut: CutJson,
  run: StartRun,
  from: Hlc,
  lacksMessages: boolean,
): Generator<ExportLine> {
  const { node, joined, sends } = run;
  const { lineAt, lossAt, sendLine } = writerOf(run);
  const { logs = {} } = cut.nodes[node] ?? {};
  const names = Object.keys(logs);
  yield lineAt(joined, "join");
  if (joined < from && names.length > 0) yield lossAt(joined, names);
  yield* sends.filter(({ sentAt }) => ticksOf(sentAt) < from).map(sendLine);
  const uncertain = uncertainLogs(cut, node);
  if (uncertain.length > 0 || lacksMessages) yield lossAt(from, uncertain, lacksMessages);
  for (const [log, state] of Object.entries(logs)) {
    if (uncertain !== "all" && !uncertain.includes(log)) {
      yield lineAt(from, "keyframe", { log, state });
      continue;
    }
    for (const [key, value] of Object.entries(state)) {
      yield lineAt(from, "set", { log, key, value });
    }
  }
  yield* sends.filter(({ sentAt }) => ticksOf(sentAt) === from).map(sendLine);
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
