/** Turns a selection into the nodes, logs and keys that a question is about, or says what is unknown. */
import { editDistance, RetroError } from "../../agent/kernel/index.ts";
import type { Selection } from "./history.ts";
import { compareText, type Membership, type NodeSpans } from "./membership.ts";

/** A selection with its names checked. Absent sets mean: all. */
export interface Chosen {
  /** Sorted by id. */
  readonly nodes: readonly NodeSpans[];
  readonly logs: ReadonlySet<string> | undefined;
  readonly keys: ReadonlySet<string> | undefined;
  /** Whether the question names nodes or services. */
  readonly namesNodes: boolean;
  /** Whether the question names nodes one by one. */
  readonly namesEachNode: boolean;
}

const NAMES_SHOWN = 10;

/**
 * Checks a selection against what is known.
 * @throws RetroError `unknown-node` (a service too), `unknown-log`; the message and `details.known`
 * name those known, nearest first.
 */
export function choose(selection: Selection, membership: Membership): Chosen {
  const names = setOf(selection.nodes);
  const services = setOf(selection.services);
  for (const name of names ?? []) {
    if (!membership.has(name)) throw unknown("node", name, [...membership.keys()]);
  }
  const all = [...membership.values()];
  const allServices = new Set(all.flatMap(servicesOf));
  for (const name of services ?? []) {
    if (!allServices.has(name)) throw unknown("service", name, [...allServices]);
  }
  const nodes = all.filter(
    (node) =>
      (names === undefined || names.has(node.node)) &&
      (services === undefined || servicesOf(node).some((service) => services.has(service))),
  );
  const logs = setOf(selection.logs);
  if (logs !== undefined) checkLogs(logs, nodes);
  return {
    nodes,
    logs,
    keys: setOf(selection.keys),
    namesNodes: names !== undefined || services !== undefined,
    namesEachNode: names !== undefined,
  };
}

function checkLogs(logs: ReadonlySet<string>, nodes: readonly NodeSpans[]): void {
  const known = new Set<string>();
  for (const { spans } of nodes) {
    for (const { record } of spans) {
      for (const log of Object.keys(record.logs)) known.add(log);
      for (const range of record.lost) for (const log of range.logs ?? []) known.add(log);
    }
  }
  for (const log of logs) if (!known.has(log)) throw unknown("log", log, [...known]);
}

function servicesOf({ spans }: NodeSpans): string[] {
  return spans.map(({ record }) => record.service);
}

function setOf(names: readonly string[] | undefined): ReadonlySet<string> | undefined {
  return names === undefined || names.length === 0 ? undefined : new Set(names);
}

function unknown(what: "node" | "service" | "log", name: string, known: string[]): RetroError {
  const nearest = nearestNames(name, known).slice(0, NAMES_SHOWN);
  const more = known.length - nearest.length;
  const list = nearest.length === 0 ? "none is known yet" : `known: ${nearest.join(", ")}`;
  const code = what === "log" ? "unknown-log" : "unknown-node";
  return new RetroError(code, `unknown ${what} ${JSON.stringify(name.slice(0, 256))}`, {
    hint: more > 0 ? `${list} and ${more} more` : list,
    details: { known: nearest },
  });
}

/** Names held letter by letter against the one asked for; of very many the others are told by their letters alone. */
const COMPARED = 256;
/** Characters of a name that count. */
const LOOKED_AT = 64;
const LETTERS = 128;

/**
 * `known` in order of likeness to `name`. Of more than `COMPARED` names those come first that have nearly the
 * same letters: ten thousand compared whole would hold the event loop for a tenth of a second.
 */
export function nearestNames(name: string, known: readonly string[]): string[] {
  const asked = name.slice(0, LOOKED_AT);
  const byLetters = known.length <= COMPARED ? [...known] : inOrder(known, lettersApart(asked));
  const near = byLetters.slice(0, COMPARED);
  const compared = inOrder(near, (one) => editDistance(asked, one.slice(0, LOOKED_AT)));
  return [...compared, ...byLetters.slice(COMPARED)];
}

function inOrder(names: readonly string[], distanceOf: (name: string) => number): string[] {
  return names
    .map((one) => ({ one, distance: distanceOf(one) }))
    .sort((a, b) => a.distance - b.distance || compareText(a.one, b.one))
    .map(({ one }) => one);
}

/** At least so many edits lie between two names: letters that one has and the other has not. */
function lettersApart(asked: string): (name: string) => number {
  const left = new Int16Array(LETTERS);
  for (let i = 0; i < asked.length; i += 1) add(left, asked, i, 1);
  return (name) => {
    const length = Math.min(name.length, LOOKED_AT);
    let shared = 0;
    for (let i = 0; i < length; i += 1) if (add(left, name, i, -1) >= 0) shared += 1;
    for (let i = 0; i < length; i += 1) add(left, name, i, 1);
    return Math.max(asked.length, length) - shared;
  };
}

function add(counts: Int16Array, text: string, i: number, by: number): number {
  const letter = text.charCodeAt(i) % LETTERS;
  const count = (counts[letter] as number) + by;
  counts[letter] = count;
  return count;
}
