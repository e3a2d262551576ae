/**
 * Histories for the tests of RQL, told as a list of happenings, and the sequence of cuts that they
 * make. Every state is folded anew from the first happening on: slow, and with nothing to get wrong.
 */
import type { DropReason, Hlc, Json, LostRange, Value } from "../../../agent/kernel/index.ts";
import { fromJsonForm, TICKS_PER_MS, valuesEqual } from "../../../agent/kernel/index.ts";
import type { Incomplete, NodeStatus } from "../../../collector/cut/history.ts";
import type { Schema } from "../../../collector/rql/check/schema.ts";
import type {
  CutSequence,
  CutState,
  Held,
  LastChange,
  MessageUnderWay,
  NodeAtCut,
} from "../../../collector/rql/interpret/cut-sequence.ts";

/** 2026-11-21T16:00:00Z, from which the tests count milliseconds. */
export const ZERO: Hlc = Math.round(
  (Date.parse("2026-11-21T16:00:00Z") - Date.parse("2020-01-01T00:00:00Z")) * TICKS_PER_MS,
) as Hlc;

/** A time in milliseconds after `ZERO`. */
export function at(ms: number): Hlc {
  return Math.round(ZERO + ms * TICKS_PER_MS) as Hlc;
}

/** Something that happened on a node. `log` is `l` unless said. */
export type Happening = { readonly t: Hlc; readonly node: string } & (
  | { readonly kind: "set"; readonly log?: string; readonly key: string; readonly value: Json }
  | { readonly kind: "delete"; readonly log?: string; readonly key: string }
  /** Events that are lost; they began at `t`. */
  | {
      readonly kind: "lost";
      readonly events: number;
      readonly to?: Hlc;
      readonly logs?: readonly string[];
      readonly reason?: DropReason;
    }
  | { readonly kind: "join" | "leave"; readonly service?: string }
  | { readonly kind: "send"; readonly id: string; readonly to: string }
  | { readonly kind: "receive"; readonly id: string }
  /** The collector's judgement of the node from here on. */
  | { readonly kind: "status"; readonly status: NodeStatus }
);

export interface ToldOptions {
  readonly from: Hlc;
  readonly to: Hlc;
  /** How far each node is known; beyond it is lagging. Default: all. */
  readonly closed?: { readonly [node: string]: Hlc };
  readonly services?: { readonly [node: string]: string };
}

/** The cuts of a told history: a state at `from`, and at every tick at which something happened. */
export function cutsOf(happenings: readonly Happening[], options: ToldOptions): CutSequence {
  const { from, to, closed = {} } = options;
  const told = new Told(happenings, options);
  const edges = Object.values(closed).map((t) => (t + 1) as Hlc);
  const ticks = [...happenings.map(({ t }) => t), ...edges].filter((t) => t > from && t <= to);
  const times = [from, ...[...new Set(ticks)].sort((a, b) => a - b)];
  return {
    from,
    to,
    nodes: told.nodes,
    services: [...new Set(told.nodes.map((node) => told.serviceOf(node)))],
    cuts: {
      *[Symbol.iterator](): Generator<CutState> {
        for (const t of times) yield told.stateAt(t);
      },
    },
    lastChange: (node, log, key) => told.lastChange(node, log, key, from),
  };
}

/** What the checker knows of a told history. */
export function schemaOf(happenings: readonly Happening[]): Schema {
  const logs = new Map<string, string[]>();
  for (const one of happenings) {
    if (one.kind !== "set" && one.kind !== "delete") continue;
    const keys = logs.get(one.log ?? "l") ?? [];
    if (!keys.includes(one.key)) keys.push(one.key);
    logs.set(one.log ?? "l", keys);
  }
  return { logs, nodes: [...new Set(happenings.map(({ node }) => node))], services: [] };
}

interface Folded {
  readonly values: Map<string, Map<string, Value>>;
  /** Lost ranges, and the variables that were told since. */
  readonly lost: { readonly range: LostRange; readonly healed: Set<string> }[];
  isMember: boolean;
  status: NodeStatus;
  epoch: number;
}

class Told {
  readonly #happenings: readonly Happening[];
  readonly #options: ToldOptions;
  readonly nodes: readonly string[];

  constructor(happenings: readonly Happening[], options: ToldOptions) {
    // Sorting is stable: what has one time stays in the order in which it was told.
    this.#happenings = happenings.toSorted((a, b) => a.t - b.t);
    this.#options = options;
    this.nodes = [...new Set(happenings.map(({ node }) => node))].sort();
  }

  serviceOf(node: string): string {
    return this.#options.services?.[node] ?? "kv";
  }

  stateAt(t: Hlc): CutState {
    const sofar = this.#happenings.filter((one) => one.t <= t);
    const nodes = new Map(
      this.nodes.map((node) => {
        const mine = sofar.filter((one) => one.node === node);
        return [node, this.#nodeAt(node, mine)] as const;
      }),
    );
    const isMessage = ({ kind }: Happening): boolean => kind === "send" || kind === "receive";
    const messaging = sofar.filter((one) => one.t === t && isMessage(one)).map(({ node }) => node);
    const incomplete = this.nodes.flatMap((node): Incomplete[] => {
      const after = this.#options.closed?.[node];
      return after !== undefined && t > after ? [{ node, reason: "lagging", after }] : [];
    });
    return {
      t,
      nodes,
      messaging: new Set(messaging),
      inFlight: () => messagesUnderWay(sofar),
      incomplete,
    };
  }

  /** By walking through all earlier states. */
  lastChange(node: string, log: string, key: string, from: Hlc): LastChange | undefined {
    const earlier = this.#happenings.filter((one) => one.node === node && one.t <= from);
    const ticks = [...new Set(earlier.map(({ t }) => t))];
    let before: Held = { is: "absent" };
    let epoch: number | undefined;
    let found: LastChange | undefined;
    for (const t of ticks) {
      const mine = earlier.filter((one) => one.t <= t);
      const state = this.#nodeAt(node, mine);
      const now = state.held(log, key);
      const isNew = state.isMember ? state.epoch !== epoch : epoch !== undefined;
      epoch = state.isMember ? state.epoch : undefined;
      const previous: Held = isNew ? { is: "absent" } : before;
      if (now.is !== "lost" && !isSameHeld(before, now)) found = { at: t, previous };
      before = now;
    }
    return found;
  }

  #nodeAt(node: string, mine: readonly Happening[]): NodeAtCut {
    const folded = fold(mine);
    const { values, lost, isMember, status, epoch } = folded;
    return {
      service: this.serviceOf(node),
      epoch,
      status,
      isMember,
      held: (log, key) => {
        if (!isMember) return { is: "absent" };
        const by = lost
          .filter(({ range, healed }) => {
            const touches = range.logs === null || range.logs.includes(log);
            return touches && !healed.has(JSON.stringify([log, key]));
          })
          .map(({ range }) => range);
        if (by.length > 0) return { is: "lost", by };
        const value = values.get(log)?.get(key);
        return value === undefined ? { is: "absent" } : { is: "known", value };
      },
    };
  }
}

/** What a node holds after all of its happenings. */
function fold(mine: readonly Happening[]): Folded {
  const folded: Folded = {
    ...{ values: new Map(), lost: [], isMember: mine.length > 0, status: "live", epoch: 1 },
  };
  let seq = 0;
  for (const one of mine) {
    seq += 1;
    if (one.kind === "set" || one.kind === "delete") {
      const log = one.log ?? "l";
      const keys = folded.values.get(log) ?? new Map<string, Value>();
      folded.values.set(log, keys);
      if (one.kind === "set") keys.set(one.key, fromJsonForm(one.value));
      else keys.delete(one.key);
      for (const { healed } of folded.lost) healed.add(JSON.stringify([log, one.key]));
    } else if (one.kind === "lost") {
      const lastSeq = seq + one.events - 1;
      const range: LostRange = {
        ...{ firstSeq: seq, lastSeq, firstT: one.t, lastT: one.to ?? one.t },
        ...{ logs: one.logs ?? null, messages: false, reason: one.reason ?? "overflow" },
      };
      folded.lost.push({ range, healed: new Set() });
      seq = lastSeq;
    } else if (one.kind === "join" || one.kind === "leave") {
      folded.values.clear();
      folded.lost.length = 0;
      folded.isMember = one.kind === "join";
      folded.status = one.kind === "join" ? "live" : "left";
      if (one.kind === "join") folded.epoch += 1;
    } else if (one.kind === "status") {
      folded.status = one.status;
    }
  }
  return folded;
}

function messagesUnderWay(sofar: readonly Happening[]): readonly MessageUnderWay[] {
  const received = new Set(sofar.flatMap((one) => (one.kind === "receive" ? [one.id] : [])));
  return sofar.flatMap((one) =>
    one.kind === "send" && !received.has(one.id) ? [{ from: one.node, to: one.to }] : [],
  );
}

function isSameHeld(a: Held, b: Held): boolean {
  if (a.is === "known" && b.is === "known") return valuesEqual(a.value, b.value);
  return a.is === b.is;
}
