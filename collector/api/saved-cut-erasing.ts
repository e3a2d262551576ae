/**
 * Takes what is erased by order out of a saved cut. What went is named in it as it would be in an answer
 * about what is left: a node is outside retention, a log of a node is lost.
 *
 *     order                 saved at T
 *     node                  the node's state, its messages, what was found about it
 *     before B              nothing is left where T < B; at T >= B nothing of it is erased: a value that
 *                           was set before B and holds is part of every later cut (retention/eraser.ts)
 *     node, before B        of the node, where T < B
 *     log (of a node)       the log's variables, whatever B is: when they were set is not kept
 */
import { promisify } from "node:util";
import { deflate } from "node:zlib";
import { RetroError } from "../../agent/kernel/index.ts";
import type { EraseOrder } from "../retention/eraser.ts";
import type { SavedCut, SavedRest } from "../retention/saved-cuts.ts";
import { cutOfBytes, named } from "./saved-cut-json.ts";
import type { CutJson } from "./shapes.ts";

const deflated = promisify(deflate);

/** `bytes`: as `packedCut` made them. "same": the cut holds nothing of it; undefined: nothing is left, or nobody can read it. */
export async function withoutErased(
  order: EraseOrder,
  { at }: SavedCut,
  bytes: Uint8Array,
): Promise<SavedRest | "same" | undefined> {
  const { node, logs, before } = order;
  if (logs === undefined && before !== undefined && at >= before) return "same";
  if (logs === undefined && node === undefined) return undefined;
  let cut: CutJson;
  try {
    cut = await cutOfBytes(bytes);
  } catch (error) {
    if (error instanceof RetroError) return undefined;
    throw error;
  }
  const rest =
    logs === undefined
      ? withoutNode(cut, node as string)
      : withoutLogs(cut, new Set(logs), (name) => node === undefined || node === name);
  if (rest === undefined) return "same";
  const { complete, consistent } = rest;
  return { complete, consistent, bytes: await deflated(JSON.stringify(rest)) };
}

/** Undefined: the cut says nothing of it. */
function withoutNode(cut: CutJson, node: string): CutJson | undefined {
  const known = Object.hasOwn(cut.nodes, node) ? cut.nodes[node] : undefined;
  const isAbout = (...names: readonly (string | null)[]): boolean => names.includes(node);
  const violations = cut.violations.filter(
    ({ send, receive }) => !isAbout(send.node, receive.node),
  );
  const inFlight = cut.inFlight.filter(({ from, to }) => !isAbout(from, to));
  const unchecked = cut.unchecked.filter(({ from, to }) => !isAbout(from, to));
  const hasMessages =
    violations.length < cut.violations.length ||
    inFlight.length < cut.inFlight.length ||
    unchecked.length < cut.unchecked.length;
  const hasState = known !== undefined && Object.keys(known.logs).length > 0;
  if (!hasState && !hasMessages) return undefined;
  const gone = { node, reason: "outside-retention" };
  const mayContradict = cut.violations.length < (cut.totals?.violations ?? 0);
  return {
    ...cut,
    complete: false,
    incomplete: [...cut.incomplete.filter((one) => one.node !== node), gone],
    consistent: violations.length === 0 && !mayContradict,
    violations,
    unchecked,
    inFlight,
    inFlightComplete: false,
    inFlightIncomplete: [...cut.inFlightIncomplete.filter((one) => one.node !== node), gone],
    nodes:
      known === undefined
        ? cut.nodes
        : named(Object.entries(cut.nodes), (one) => (one === known ? { ...one, logs: {} } : one)),
  };
}

/** Undefined: the cut holds none of them. */
function withoutLogs(
  cut: CutJson,
  logs: ReadonlySet<string>,
  isMeant: (node: string) => boolean,
): CutJson | undefined {
  const concerned = Object.entries(cut.nodes).filter(
    ([node, one]) => isMeant(node) && Object.keys(one.logs).some((log) => logs.has(log)),
  );
  if (concerned.length === 0) return undefined;
  const names = new Set(concerned.map(([node]) => node));
  const lost = [...names].map((node) => ({ node, reason: "lost", logs: [...logs] }));
  return {
    ...cut,
    complete: false,
    incomplete: [...cut.incomplete, ...lost],
    nodes: named(Object.entries(cut.nodes), (one, node) =>
      names.has(node)
        ? { ...one, logs: named(Object.entries(one.logs).filter(([log]) => !logs.has(log))) }
        : one,
    ),
  };
}
