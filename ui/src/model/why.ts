/**
 * What came before an event: one step of "why this value".
 *
 *     A   ───send──────────────────      a receive          its send, on the other node
 *              ╲   request               anything else      the receive of the same request, if one
 *     B   ─────receive───●─────┤                            request ties both ("in this request"); else
 *                        value                              the latest receive before it on that node
 *                                                           ("latest message before": order, not proof)
 *
 * A request is recorded at its departure and names no receive, so the tie is by time, and claimed
 * only where it cannot be another's: either no other request was being handled meanwhile, or just
 * one receive lies at the arrival. Receives are asked for backwards in stretches that double.
 *
 * Where events of the node are missing in between, or the message came from outside the record, the
 * chain ends, in words: a guess would look like an answer.
 */
import { type Hlc, parseHlc, TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import type { EventLineJson, EventsJson, IncompleteJson } from "../../../collector/api/shapes.ts";
import { type ApiReader, hexOf, ticksOf } from "../api/client.ts";
import { clampTicks } from "../scale/time-scale.ts";
import type { EventName } from "./choices.ts";
import { requestAround } from "./request-around.ts";

export type Before =
  /** The event is a receive: this is its send. */
  | { readonly type: "send"; readonly send: EventName }
  | {
      readonly type: "request";
      readonly receive: EventLineJson;
      readonly request: EventLineJson;
    }
  | { readonly type: "latest"; readonly receive: EventLineJson }
  /** No message came before it in this run of the node. */
  | { readonly type: "none" }
  /** Missing events may hold a later receive than the one that is known. */
  | {
      readonly type: "missing";
      readonly missing: IncompleteJson;
      readonly receive: EventLineJson | null;
    }
  /** The message came from a peer without our timestamp. */
  | { readonly type: "unstamped"; readonly peer: string }
  /** More was read than is read for one step; nothing was found up to `from`. */
  | { readonly type: "far"; readonly from: Hlc };

/** The first stretch looked through, and how often it is doubled: up to some three years. */
const FIRST_REACH_TICKS = 50 * TICKS_PER_MS;
const MAX_REACHES = 32;
const PAGE = 10_000;
/** Pages of one stretch; a stretch with more receives is halved instead. */
const MAX_PAGES = 4;

export function nameOf(line: EventLineJson): EventName {
  return { node: line.node, epoch: line.epoch, seq: line.seq, t: ticksOf(line.t) };
}

/** @throws ApiFailure as the client does. */
export async function findBefore(
  client: ApiReader,
  line: EventLineJson,
  signal: AbortSignal,
): Promise<Before> {
  if (line.kind === "receive") {
    const send = sendOf(line);
    return send === undefined
      ? { type: "unstamped", peer: String(line["peer"] ?? line["from"] ?? "an unknown peer") }
      : { type: "send", send };
  }
  const tied = await requestAround(client, line, signal);
  if (tied !== undefined) return { type: "request", ...tied };
  return latestReceive(client, line, signal);
}

/** The send that a receive names; undefined where the message carried no stamp of ours. */
export function sendOf(receive: EventLineJson): EventName | undefined {
  const { sentT } = receive as { readonly sentT?: unknown };
  const t = typeof sentT === "string" ? parseHlc(sentT) : undefined;
  const id = receive["send"] ?? receive["id"];
  const name = typeof id === "string" ? /^(.+)\/(\d{1,16})\/(\d{1,16})$/s.exec(id) : null;
  if (name === null || t === undefined || receive["from"] !== name[1]) return undefined;
  return { node: name[1] as string, epoch: Number(name[2]), seq: Number(name[3]), t };
}

async function latestReceive(
  client: ApiReader,
  line: EventLineJson,
  signal: AbortSignal,
): Promise<Before> {
  const { node, epoch } = line;
  const t = ticksOf(line.t);
  let hole: IncompleteJson | undefined;
  let to = clampTicks(t - 1);
  let reach = FIRST_REACH_TICKS;
  /** What is known once nothing more is looked for. */
  const ended = (otherwise: Before): Before =>
    hole === undefined ? otherwise : { type: "missing", missing: hole, receive: null };
  for (let tries = 0; tries < MAX_REACHES; tries += 1) {
    const from = clampTicks(t - reach);
    const stretch = await lastIn(client, { node, from, to }, ["receive", "join"], signal);
    const mine = stretch.last?.epoch === epoch ? stretch.last : undefined;
    const receive = mine?.kind === "receive" ? mine : null;
    const known = mine === undefined ? stretch.from : ticksOf(mine.t);
    hole ??= stretch.missing.find((one) => liesAfter(one, known));
    if (receive !== null) {
      return hole === undefined
        ? { type: "latest", receive }
        : { type: "missing", missing: hole, receive };
    }
    // Its own join, or an event of an earlier run: nothing was received in this one.
    if (stretch.last !== undefined) return ended({ type: "none" });
    if (from === to || stretch.from > from) return ended({ type: "far", from: stretch.from });
    to = clampTicks(from - 1);
    reach *= 2;
  }
  return ended({ type: "far", from: clampTicks(t - reach / 2) });
}

/** Whether what is missing may lie later than `t`. */
function liesAfter({ to }: IncompleteJson, t: Hlc): boolean {
  return to === undefined || ticksOf(to) > t;
}

interface Stretch {
  readonly node: string;
  readonly from: Hlc;
  readonly to: Hlc;
}

/** The last event of these kinds in the stretch, or in a later part of it where there are very many. */
async function lastIn(
  client: ApiReader,
  { node, from: wanted, to }: Stretch,
  kind: readonly string[],
  signal: AbortSignal,
): Promise<{
  readonly from: Hlc;
  readonly last: EventLineJson | undefined;
  readonly missing: readonly IncompleteJson[];
}> {
  for (let from = wanted; ; from = clampTicks(Math.ceil((from + to) / 2))) {
    let last: EventLineJson | undefined;
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const answer: EventsJson = await client.get<EventsJson>(
        "/api/events",
        { from: hexOf(from), to: hexOf(to), node, kind, limit: PAGE, cursor },
        signal,
      );
      last = answer.events.at(-1) ?? last;
      cursor = answer.next;
      if (cursor !== undefined) continue;
      const missing = answer.incomplete.filter((one) => one.node === node);
      return { from, last, missing };
    }
    if (from >= to) return { from, last, missing: [] };
  }
}

/** The receive of a send, as far as it is recorded; the earliest where there are several. */
export async function findReceive(
  client: ApiReader,
  send: EventLineJson,
  signal: AbortSignal,
): Promise<EventName | undefined> {
  const id = `${send.node}/${send.epoch}/${send.seq}`;
  const sentAt = ticksOf(send.t);
  let from = sentAt;
  let reach = FIRST_REACH_TICKS;
  for (let tries = 0; tries < RECEIVE_REACHES; tries += 1) {
    const to = clampTicks(sentAt + reach);
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const node = typeof send["to"] === "string" ? send["to"] : undefined;
      const answer: EventsJson = await client.get<EventsJson>(
        "/api/events",
        { from: hexOf(from), to: hexOf(to), node, kind: "receive", limit: PAGE, cursor },
        signal,
      );
      const found = answer.events.find((line) => (line["send"] ?? line["id"]) === id);
      if (found !== undefined) return nameOf(found);
      cursor = answer.next;
      if (cursor === undefined) break;
    }
    from = clampTicks(to + 1);
    reach *= 2;
  }
  return undefined;
}
/** 50 ms doubled so often is some 50 s: longer than a message counts as in flight. */
const RECEIVE_REACHES = 11;
