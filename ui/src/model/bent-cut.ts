/**
 * An inconsistent cut made consistent: reads what bends.ts needs, and the state of the bent nodes at
 * their own ticks.
 *
 * The violations of the cut say where the line begins to bend; how far it goes depends on the receives
 * between there and the asked time. A bent node may have sent something that was received even
 * before that stretch (its receiver's clock was behind too): those are violations of the cut at the
 * bent node's own tick, which is asked for anyway, for its state. So every round asks for the nodes
 * that moved, and the rounds end when none does.
 */
import { formatIsoMicros, type Hlc, messageId, parseHlc } from "../../../agent/kernel/index.ts";
import type { CutJson, EventLineJson, EventsJson } from "../../../collector/api/shapes.ts";
import { type ApiReader, hexOf, ticksOf } from "../api/client.ts";
import { type Bend, bendsInside, type Edge, inFlightAcross } from "./bends.ts";

/** Receives read for one cut; beyond it the line stays straight and is called inconsistent. */
export const MAX_RECEIVES = 10_000;
/** Questions for bent nodes, over all rounds. */
const MAX_NODE_CUTS = 256;
const NODE_CUTS_AT_ONCE = 4;

export interface BentCut {
  readonly asked: Hlc;
  readonly bends: ReadonlyMap<string, Bend>;
  /**
   * The cut as it is shown: bent nodes as of their own ticks, messages in flight across the bent line.
   * `consistent` and `violations` still tell of the asked time.
   */
  readonly json: CutJson;
}

/** There was more to read than is read for one cut. */
export interface UnbentCut {
  readonly asked: Hlc;
  readonly why: string;
}

/** @throws ApiFailure as the client does. */
export async function bentCut(
  client: ApiReader,
  asked: Hlc,
  json: CutJson,
  signal: AbortSignal,
): Promise<BentCut | UnbentCut> {
  if ((json.totals?.violations ?? 0) > json.violations.length) {
    return { asked, why: "more violations than are listed" };
  }
  const edges = new Map<string, Edge>();
  addViolations(edges, json.violations);
  const cuts = new Map<string, { readonly at: Hlc; readonly json: CutJson }>();
  let readFrom = (asked + 1) as Hlc;
  let receiveCount = 0;
  let cutCount = 0;
  for (;;) {
    const bends = bendsInside(asked, edges.values());
    const low = Math.min(...[...bends.values()].map(({ at }) => at));
    if (low + 1 < readFrom) {
      const range = { from: (low + 1) as Hlc, to: (readFrom - 1) as Hlc };
      const { events, next } = await receivesIn(client, range, signal);
      receiveCount += events.length;
      if (next !== undefined || receiveCount > MAX_RECEIVES) {
        return { asked, why: `more than ${MAX_RECEIVES.toLocaleString("en-US")} receives` };
      }
      for (const line of events) addReceive(edges, line);
      readFrom = range.from;
      continue;
    }
    const moved = [...bends].filter(([node, { at }]) => cuts.get(node)?.at !== at);
    if (moved.length === 0) return { asked, bends, json: merged(asked, json, bends, cuts, edges) };
    cutCount += moved.length;
    if (cutCount > MAX_NODE_CUTS) return { asked, why: "too many nodes" };
    for (let first = 0; first < moved.length; first += NODE_CUTS_AT_ONCE) {
      const part = moved.slice(first, first + NODE_CUTS_AT_ONCE);
      await Promise.all(
        part.map(async ([node, { at }]) => {
          const own = await client.get<CutJson>("/api/cut", { at: hexOf(at), node }, signal);
          cuts.set(node, { at, json: own });
          addViolations(edges, own.violations);
        }),
      );
    }
  }
}

function receivesIn(
  client: ApiReader,
  { from, to }: { readonly from: Hlc; readonly to: Hlc },
  signal: AbortSignal,
): Promise<EventsJson> {
  return client.get<EventsJson>(
    "/api/events",
    { from: hexOf(from), to: hexOf(to), kind: "receive", limit: MAX_RECEIVES },
    signal,
  );
}

function addViolations(edges: Map<string, Edge>, violations: CutJson["violations"]): void {
  for (const { send, receive } of violations) {
    edges.set(messageId(receive), {
      id: messageId(send),
      sender: send.node,
      sentAt: ticksOf(send.at),
      receiver: receive.node,
      receivedAt: ticksOf(receive.at),
    });
  }
}

/** A relayed receive is no edge: its stamp came through a third party. Nor is an unstamped one. */
function addReceive(edges: Map<string, Edge>, line: EventLineJson): void {
  const { from, sentT, id, relayed } = line as { readonly [field: string]: unknown };
  const sentAt = typeof sentT === "string" ? parseHlc(sentT) : undefined;
  if (typeof from !== "string" || sentAt === undefined || relayed === true) return;
  edges.set(messageId(line), {
    id: String(line["send"] ?? id ?? ""),
    sender: from,
    sentAt,
    receiver: line.node,
    receivedAt: ticksOf(line.t),
  });
}

function merged(
  asked: Hlc,
  json: CutJson,
  bends: ReadonlyMap<string, Bend>,
  cuts: ReadonlyMap<string, { readonly json: CutJson }>,
  edges: ReadonlyMap<string, Edge>,
): CutJson {
  const own = [...bends.keys()].map((node) => [node, cuts.get(node)?.json] as const);
  const nodes: Record<string, CutJson["nodes"][string]> = Object.assign(
    Object.create(null),
    json.nodes,
  );
  for (const [node, cut] of own) {
    const state = cut?.nodes[node];
    if (state !== undefined) nodes[node] = state;
  }
  const incomplete = [
    ...json.incomplete.filter(({ node }) => !bends.has(node)),
    ...own.flatMap(([node, cut]) => cut?.incomplete.filter((one) => one.node === node) ?? []),
  ];
  const wasMember = (node: string) =>
    cuts.get(node)?.json.members.includes(node) ?? json.members.includes(node);
  const inside = json.inFlight.filter(
    ({ from, sentAt }) => ticksOf(sentAt) <= (bends.get(from)?.at ?? asked),
  );
  const listed = new Set(inside.map(({ from, sentAt }) => `${from}\n${sentAt.hlc}`));
  const back = inFlightAcross(asked, bends, edges.values()).filter(
    ({ sender, sentAt }) => !listed.has(`${sender}\n${hexOf(sentAt)}`),
  );
  return {
    ...json,
    complete: incomplete.length === 0,
    incomplete,
    members: json.members.filter(wasMember),
    nodes,
    inFlight: [
      ...inside,
      ...back.map(({ id, sender, receiver, sentAt }) => ({
        id,
        from: sender,
        to: receiver,
        peer: null,
        sentAt: { hlc: hexOf(sentAt), time: formatIsoMicros(sentAt) },
      })),
    ],
  };
}
