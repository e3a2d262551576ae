/**
 * Saved cuts on their way in and out: the JSON of the whole answer, deflated; and the part of it that a
 * question asks for.
 */
import { promisify } from "node:util";
import { deflate, inflate } from "node:zlib";
import { RetroError, ticksFromUnixMs } from "../../agent/kernel/index.ts";
import type { Cut, Selection } from "../cut/history.ts";
import type { SavedCut, SavedCuts } from "../retention/saved-cuts.ts";
import type { CutJson, SavedJson } from "./shapes.ts";
import { hJson } from "./time-json.ts";
import { cutJson } from "./to-json.ts";

const deflated = promisify(deflate);
const inflated = promisify(inflate);
/** Bytes that a saved cut may become. */
const MAX_TEXT_BYTES: number = 512 * 1024 * 1024;

export async function packedCut(cut: Cut): Promise<Uint8Array> {
  return await deflated(JSON.stringify(cutJson(cut)));
}

export function savedJson(saved: SavedCut): SavedJson {
  const { id, name, at, savedMs, complete, consistent, memberCount, byteCount } = saved;
  return {
    id,
    name,
    at: hJson(at),
    savedAt: hJson(ticksFromUnixMs(savedMs)),
    complete,
    consistent,
    memberCount,
    bytes: byteCount,
  };
}

/**
 * A saved cut as `/api/cut` gives it, marked as saved.
 * @throws RetroError `not-found` if it was given up meanwhile, or is damaged
 */
export async function unpackedCut(saved: SavedCuts, one: SavedCut): Promise<CutJson> {
  const { id, name, savedAt } = savedJson(one);
  return { ...(await cutOfBytes(saved.bytesOf(one), id)), saved: { id, name, savedAt } };
}

/** What `packedCut` was given. @throws RetroError `not-found` if it cannot be read */
export async function cutOfBytes(bytes: Uint8Array | undefined, id: string = ""): Promise<CutJson> {
  try {
    if (bytes === undefined) throw new Error("it is not there");
    const text = (await inflated(bytes, { maxOutputLength: MAX_TEXT_BYTES })).toString();
    return JSON.parse(text) as CutJson;
  } catch (error) {
    throw new RetroError("not-found", `the saved cut ${id} cannot be read`, {
      hint: "It was given up for room, or is damaged.",
      cause: error,
    });
  }
}

/**
 * Whether every node and service that is named is in the cut, and every log on one of its nodes that are asked
 * for, or among those that history still knows: that one was not there then, which is an answer.
 */
export function knows(
  cut: CutJson,
  selection: Selection,
  logsOfHistory: () => readonly string[],
): boolean {
  const { nodes = [], services = [], logs = [] } = selection;
  const ofServices = new Set(Object.values(cut.nodes).map(({ service }) => service));
  if (!nodes.every((node) => Object.hasOwn(cut.nodes, node))) return false;
  if (!services.every((service) => ofServices.has(service))) return false;
  const shown = shownNodes(cut, selection);
  const unseen = logs.filter((log) => !shown.some(([, node]) => Object.hasOwn(node.logs, log)));
  if (unseen.length === 0) return true;
  const known = new Set(logsOfHistory());
  return unseen.every((log) => known.has(log));
}

const isAsked = (list: readonly string[], name: string): boolean =>
  list.length === 0 || list.includes(name);

function shownNodes(
  cut: CutJson,
  { nodes = [], services = [] }: Selection,
): [string, CutJson["nodes"][string]][] {
  return Object.entries(cut.nodes).filter(
    ([node, { service }]) => isAsked(nodes, node) && isAsked(services, service),
  );
}

/**
 * What a selection leaves of a whole answer. Of a list that was shortened nobody can tell what it would
 * have held of the selection: what was wrong then stays wrong of every part.
 */
export function narrowed(cut: CutJson, selection: Selection): CutJson {
  const { nodes = [], services = [], logs = [], keys = [] } = selection;
  const shown = shownNodes(cut, selection);
  const names = new Set(shown.map(([node]) => node));
  const isNarrow = nodes.length + services.length > 0;
  const isShown = (node: string | null) => !isNarrow || (node !== null && names.has(node));
  // One that nobody had heard of may have been of any service.
  const isStranger = (node: string) => nodes.length === 0 && !Object.hasOwn(cut.nodes, node);
  const incomplete = cut.incomplete.filter(({ node }) => isShown(node) || isStranger(node));
  const violations = cut.violations.filter(
    ({ send, receive }) => isShown(send.node) || isShown(receive.node),
  );
  const { totals } = cut;
  const mayLack = cut.incomplete.length < (totals?.incomplete ?? 0);
  const mayContradict = cut.violations.length < (totals?.violations ?? 0);
  return {
    ...cut,
    complete: incomplete.length === 0 && !mayLack,
    incomplete,
    members: cut.members.filter(isShown),
    consistent: violations.length === 0 && !mayContradict,
    violations,
    nodes: named(shown, (node) => ({
      ...node,
      logs: named(
        Object.entries(node.logs).filter(([log]) => isAsked(logs, log)),
        (variables) => named(Object.entries(variables).filter(([key]) => isAsked(keys, key))),
      ),
    })),
    unchecked: cut.unchecked.filter(({ from, to }) => isShown(from) || isShown(to)),
    inFlight: cut.inFlight.filter(({ from, to }) => isShown(from) || isShown(to)),
  };
}

/** Names from outside become keys: an object without a prototype. */
export function named<Value>(
  entries: readonly (readonly [string, Value])[],
  change: (value: Value, name: string) => Value = (value) => value,
): { readonly [name: string]: Value } {
  const object = Object.create(null) as Record<string, Value>;
  for (const [name, value] of entries) object[name] = change(value, name);
  return object;
}
