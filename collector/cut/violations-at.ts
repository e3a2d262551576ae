/**
 * Violations that a moment lies in, from the store's index: at once, or page by page where those of some nodes
 * are looked for among very many. A clock that is far off makes thousands a second.
 */
import { type Hlc, messageId } from "../../agent/kernel/index.ts";
import type { ViolationRecord } from "../store/history-store.ts";
import type { CutContext } from "./context.ts";
import type { Violation } from "./history.ts";
import type { Work } from "./turns.ts";

/** Violations of a cut: the first so many, and of how many. */
export interface Violations {
  readonly listed: readonly ViolationRecord[];
  readonly count: number;
}

/**
 * One more than are listed, so that more show. Where some nodes are asked for more are looked at, and beyond
 * that on until one is theirs, all in this turn.
 */
export function violationsAt(
  { store, limits }: CutContext,
  t: Hlc,
  namesNodes: boolean,
  isChosen: (node: string) => boolean,
): readonly ViolationRecord[] {
  for (let most = namesNodes ? limits.messagesLooked : limits.cutListed + 1; ; most *= 4) {
    const all = store.violationsAt(t, most);
    const found = all.filter(({ send, receive }) => isChosen(send.node) || isChosen(receive.node));
    if (found.length > 0 || all.length < most) return found;
  }
}

/** Violations read before one may pause. */
const VIOLATIONS_PER_STEP = 1_024;

/**
 * Those of some nodes, all of them counted, a page at a time by time of receive: what lies between two
 * pages at one time is read twice, and told by its receive.
 */
export function* violationsOf(
  { store, limits }: CutContext,
  t: Hlc,
  isChosen: (node: string) => boolean,
): Work<Violations> {
  const listed: ViolationRecord[] = [];
  let count = 0;
  let from: Hlc | undefined;
  let atFrom: ReadonlySet<string> = new Set();
  for (let most = VIOLATIONS_PER_STEP; ; ) {
    const page = store.violationsAt(t, most, from);
    for (const one of page) {
      if (one.receiveT === from && atFrom.has(messageId(one.receive))) continue;
      if (!isChosen(one.send.node) && !isChosen(one.receive.node)) continue;
      count += one.count ?? 1;
      if (listed.length <= limits.cutListed) listed.push(one);
    }
    if (page.length < most) return { listed, count };
    const last = (page.at(-1) as ViolationRecord).receiveT;
    // More at one time than a page: a longer one gets past them.
    most = last === from ? most * 2 : VIOLATIONS_PER_STEP;
    const same = page.filter(({ receiveT }) => receiveT === last);
    atFrom = new Set(same.map(({ receive }) => messageId(receive)));
    from = last;
    yield;
  }
}

/** A record of the store as it is answered. */
export function violationOf({ send, receive, sendT, receiveT }: ViolationRecord): Violation {
  return {
    send: { ...send, t: sendT },
    receive: { ...receive, t: receiveT },
    channel: { from: send.node, to: receive.node },
  };
}

export function countOf(violations: readonly ViolationRecord[]): number {
  return violations.reduce((sum, { count = 1 }) => sum + count, 0);
}
