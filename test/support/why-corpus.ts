/**
 * Histories in which it is known why each value was written: requests go from a gateway over a cart to
 * a stock, each hop a message, a write and a downstream message, then the departure. How close together
 * they come in decides how much they overlap.
 */
import fc from "fast-check";
import { formatHlc, type Hlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { Scenario, ScenarioEvent } from "./ui-scenario.ts";

export const HOPS = ["gateway-1", "cart-1", "stock-1"] as const;

export interface WhyCorpus {
  readonly scenario: Scenario;
  /** Per write the messages that led to it, nearest first: the receive, its send, and so on. */
  readonly chains: ReadonlyMap<ScenarioEvent, readonly ScenarioEvent[]>;
}

/** `gapMs`: most milliseconds between two requests; below some 40 they overlap. */
export function whyCorpora(gapMs: number, isArrivalKnown: boolean): fc.Arbitrary<WhyCorpus> {
  const request = fc.record({
    gap: fc.integer({ min: Math.floor(gapMs / 2), max: gapMs }),
    hops: fc.array(fc.tuple(fc.integer({ min: 3, max: 9 }), fc.integer({ min: 1, max: 5 })), {
      minLength: 3,
      maxLength: 3,
    }),
  });
  return fc
    .array(request, { minLength: 1, maxLength: 12 })
    .map((requests) => corpusOf(requests, isArrivalKnown));
}

interface Draft {
  readonly gap: number;
  /** Milliseconds on the way to a hop, and until each of its events. */
  readonly hops: readonly (readonly [travel: number, think: number])[];
}

function corpusOf(requests: readonly Draft[], isArrivalKnown: boolean): WhyCorpus {
  const drafts: (Omit<ScenarioEvent, "seq" | "t"> & { at: number; cause?: object })[] = [];
  const add = (node: string, at: number, kind: string, fields: object, cause?: object) => {
    const service = node.split("-")[0] as string;
    const draft = {
      node,
      service,
      epoch: 1,
      kind,
      fields: { ...fields },
      at,
      ...(cause && { cause }),
    };
    drafts.push(draft);
    return draft;
  };
  const causes = new Map<object, readonly object[]>();
  let start = 0;
  for (const node of HOPS) add(node, 0, "join", {});
  requests.forEach(({ gap, hops }, n) => {
    start += gap;
    let at = start;
    let behind: readonly object[] = [];
    const ends: (() => void)[] = [];
    HOPS.forEach((node, hop) => {
      const [travel, think] = hops[hop] as readonly [number, number];
      at += travel;
      const arrival = at;
      if (hop > 0) {
        const receive = add(node, at, "receive", { from: HOPS[hop - 1] }, behind[0] as object);
        behind = [receive, ...behind];
      }
      at += think;
      const write = add(node, at, "set", { log: "l", key: `k${n % 3}`, value: n });
      causes.set(write, behind);
      at += think;
      if (hop < 2) behind = [add(node, at, "send", { to: HOPS[hop + 1] }), ...behind];
      ends.push(() => {
        const residenceUs = (at - arrival) * 1_000;
        const fields = { operation: `op-${n}`, residenceUs, outcome: "ok", arrival };
        add(node, at, "request", fields);
      });
    });
    for (const end of ends.reverse()) {
      at += 1;
      end();
    }
  });
  // Every event gets a tick of its own, in the order of its time and of being made.
  const events = new Map<object, ScenarioEvent>();
  const seqs = new Map<string, number>();
  const sorted = drafts
    .map((draft, i) => ({ draft, i }))
    .sort((a, b) => a.draft.at - b.draft.at || a.i - b.i);
  sorted.forEach(({ draft }, place) => {
    const { at, cause, fields, ...rest } = draft;
    const seq = (seqs.get(rest.node) ?? 0) + 1;
    seqs.set(rest.node, seq);
    const sent = cause === undefined ? undefined : events.get(cause);
    const t = Math.round(at * TICKS_PER_MS) + place + 1;
    events.set(draft, {
      ...{ ...rest, seq, t: t as Hlc, fields: fieldsOf(fields, isArrivalKnown) },
      ...(sent && { send: { node: sent.node, seq: sent.seq } }),
    });
  });
  const nodes = HOPS.map((node) => ({
    ...{ node, service: node.split("-")[0] as string, epoch: 1, closed: (2 ** 40) as Hlc },
  }));
  const named = (draft: object) => events.get(draft) as ScenarioEvent;
  return {
    scenario: { events: [...events.values()], nodes, unchecked: [] },
    chains: new Map([...causes].map(([write, chain]) => [named(write), chain.map(named)])),
  };
}

/** `arrived` as later agents record it, or nothing. */
function fieldsOf(fields: object, isArrivalKnown: boolean): Record<string, unknown> {
  const { arrival, ...others } = fields as { arrival?: number };
  const isTold = arrival !== undefined && isArrivalKnown;
  const arrived = formatHlc(((arrival ?? 0) * TICKS_PER_MS + 40) as Hlc);
  return { ...others, ...(isTold && { arrived }) };
}
