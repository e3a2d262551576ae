/**
 * A history for the bench `ui`: nodes that change variables, call each other and answer requests, in
 * bursts, posted to a real collector over HTTP as agents do.
 *
 * Of every hundred events some 70 are changes, 20 sends and receives, 8 requests; a mark now and then,
 * and one request that took two seconds, which must be seen from any height. Each node holds `KEYS`
 * variables. The same seed gives the same history.
 */
import {
  BatchBuilder,
  type EventBody,
  encodeBatch,
  type Hlc,
  INGEST_PATH,
  KindCode,
  TICKS_PER_MS,
  ticksFromUnixMs,
} from "#dist/agent/kernel/index.js";
import { seededRandom } from "../support/seeded-random.ts";

export const KEYS = 1_000;
/** So long the history is, whatever the number of its events. */
export const SPAN_MS = 10 * 60_000;
export const START: Hlc = ticksFromUnixMs(Date.UTC(2026, 10, 21, 16));
export const END: Hlc = (START + SPAN_MS * TICKS_PER_MS) as Hlc;
const EPOCH = 1;
const BATCH_EVENTS = 2_000;
/** The request that must not be lost from sight. */
export const SLOW_US = 2_000_000;

/** An event before it has a number. */
interface Planned {
  t: number;
  readonly body: EventBody | null;
  readonly key: string;
  readonly value: number;
  /** Of a receive: its send. */
  readonly send: Planned | null;
  seq: number;
}

export const nodeName = (node: number): string =>
  `${node % 4 === 0 ? "gateway" : "store"}-${String(node).padStart(2, "0")}`;
const serviceOf = (node: number): string => (node % 4 === 0 ? "gateway" : "store");

/** Posts the history, node by node. */
export async function postHistory(url: string, events: number, nodes: number): Promise<void> {
  const planned = planHistory(events, nodes);
  for (const [node, own] of planned.entries()) {
    own.sort((a, b) => a.t - b.t);
    let last = 0;
    for (const [place, event] of own.entries()) {
      // Stamps of a node rise, and a receive is later than its send.
      event.t = Math.max(event.t, last + 1);
      last = event.t;
      event.seq = place + 1;
    }
    planned[node] = own;
  }
  // Sends have their numbers and times now.
  for (const [node, own] of planned.entries()) await postNode(url, node, own);
}

function planHistory(events: number, nodes: number): Planned[][] {
  const random = seededRandom(events);
  const below = (count: number): number => Math.floor(random() * count);
  const planned: Planned[][] = Array.from({ length: nodes }, () => []);
  const add = (node: number, event: Partial<Planned> & { t: number }): Planned => {
    const whole = { body: null, key: "", value: 0, send: null, seq: 0, ...event };
    planned[node]?.push(whole);
    return whole;
  };
  for (let node = 0; node < nodes; node += 1) {
    const joined = { kind: "join", service: serviceOf(node), tags: {}, instance: nodeName(node) };
    add(node, { t: START + node, body: joined as EventBody });
  }
  let left = events - nodes;
  while (left > 0) {
    // A burst: some dozens of events on a few nodes within some milliseconds.
    const at = START + random() * (SPAN_MS - 1_000) * TICKS_PER_MS;
    const home = below(nodes);
    const size = Math.min(left, 4 + below(60));
    for (let i = 0; i < size; i += 1, left -= 1) {
      const t = Math.floor(at + random() * 40 * TICKS_PER_MS);
      const node = (home + below(3)) % nodes;
      const dice = random();
      if (dice < 0.1 && left > 1) {
        addMessage(t, node, (node + 1 + below(nodes - 1)) % nodes);
        left -= 1;
      } else if (dice < 0.18) add(node, { t, body: request(500 + below(40_000)) });
      else if (dice < 0.1801) add(node, { t, body: { kind: "mark", text: "checkpoint" } });
      else add(node, { t, key: `account-${below(KEYS)}`, value: below(100_000) });
    }
  }
  add(1, { t: START + (SPAN_MS / 3) * TICKS_PER_MS, body: request(SLOW_US) });
  return planned;

  function addMessage(t: number, from: number, to: number): void {
    const send = add(from, {
      t,
      body: {
        ...{ kind: "send", channel: "http", to: nodeName(to), peer: null, id: null },
        ...{ replaces: null, failed: false, streamed: false },
      } as EventBody,
    });
    const delay = Math.floor((1 + random() * 20) * TICKS_PER_MS);
    add(to, { t: t + delay, key: nodeName(from), send });
  }
}

function request(residenceUs: number): EventBody {
  const more = { residenceUs, outcome: "ok", calls: [], waits: [] };
  return { kind: "request", operation: "GET /account", ...more } as EventBody;
}

async function postNode(url: string, node: number, own: readonly Planned[]): Promise<void> {
  const builder = new BatchBuilder();
  for (let first = 0; first < own.length; first += BATCH_EVENTS) {
    const part = own.slice(first, first + BATCH_EVENTS);
    for (const event of part) addEvent(builder, event);
    const isLast = first + BATCH_EVENTS >= own.length;
    const batch = builder.build({
      node: nodeName(node),
      service: serviceOf(node),
      epoch: EPOCH,
      firstSeq: first + 1,
      closed: isLast ? END : ((part.at(-1) as Planned).t as Hlc),
    });
    builder.reset();
    const response = await fetch(url + INGEST_PATH, {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: new Uint8Array(encodeBatch(batch)),
    });
    if (!response.ok) throw new Error(`${nodeName(node)}: ${await response.text()}`);
    await response.arrayBuffer();
  }
}

function addEvent(builder: BatchBuilder, { t, body, key, value, send }: Planned): void {
  if (body !== null) builder.body(t as Hlc, body);
  else if (send === null) builder.change(t as Hlc, KindCode.set, "accounts", key, value);
  else {
    const from = { node: key, epoch: EPOCH, seq: send.seq };
    const more = { peer: null, id: null, unverified: false, relayed: false };
    const received = { kind: "receive", channel: "http", from, sentT: send.t as Hlc, ...more };
    builder.body(t as Hlc, received as EventBody);
  }
}
