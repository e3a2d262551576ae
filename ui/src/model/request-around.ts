/**
 * The one request in which an event happened, and the message that came into it.
 *
 *     R1      ├──r──────●──────┤            no other meanwhile: the latest receive since the arrival,
 *             arrived   event               be it the request's own message or a reply to it
 *     R2  ├──────┤
 *     R1      ├──r──────●──────┤            another meanwhile: only the receive at the arrival itself,
 *                                           and only if there is just one
 *
 * A request's arrival is its `arrived` where that was recorded, else its departure less its residence.
 */
import { type Hlc, parseHlc, TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import type { EventLineJson, EventsJson, IncompleteJson } from "../../../collector/api/shapes.ts";
import { type ApiReader, hexOf, ticksOf } from "../api/client.ts";
import { clampTicks } from "../scale/time-scale.ts";

export interface TiedReceive {
  readonly request: EventLineJson;
  readonly receive: EventLineJson;
}

/** A request is looked for that ends so long after the event at most. */
const MAX_AHEAD_TICKS = 10_000 * TICKS_PER_MS;
/** What is stamped at one arrival lies this close together; where the arrival is reckoned, and where recorded. */
const SLACK_TICKS = 2 * TICKS_PER_MS;
const RECORDED_SLACK_TICKS = TICKS_PER_MS / 4;
/** Requests, and receives, read of the node for one event; with more nothing is claimed. */
const LIMIT = 5_000;

/** Undefined where no request ties the event to a receive beyond doubt. */
export async function requestAround(
  client: ApiReader,
  line: EventLineJson,
  signal: AbortSignal,
): Promise<TiedReceive | undefined> {
  const { node, epoch } = line;
  const t = ticksOf(line.t);
  const eventsIn = async (kind: string, from: number, to: number) => {
    const query = { from: hexOf(clampTicks(from)), to: hexOf(clampTicks(to)), node, kind };
    const answer = await client.get<EventsJson>("/api/events", { ...query, limit: LIMIT }, signal);
    // Too many to say anything for certain; or the one that matters may be missing.
    if (answer.next !== undefined) return undefined;
    const isWhole = kind === "request" || !answer.incomplete.some(mayLieIn(node, from));
    if (!isWhole) return undefined;
    return answer.events.filter((one) => one.epoch === epoch);
  };
  const later = await eventsIn("request", t, t + MAX_AHEAD_TICKS);
  // Also what came in about now: its message may have been before the event, whatever was reckoned.
  const around = later?.filter((one) => arrivalOf(one) - slackOf(one) <= t) ?? [];
  const request =
    around.find((one) => one.seq === line.seq || callsWith(one, line)) ??
    (around.length === 1 ? around[0] : undefined);
  if (request === undefined) return undefined;
  const arrived = arrivalOf(request);
  const slack = slackOf(request);
  const [ended, receives] = await Promise.all([
    eventsIn("request", arrived - slack, t - 1),
    eventsIn("receive", arrived - slack, t - 1),
  ]);
  if (ended === undefined || receives === undefined) return undefined;
  const isAlone = around.length === 1 && ended.every((one) => one.seq === request.seq);
  const atArrival = receives.filter((one) => ticksOf(one.t) <= arrived + slack);
  const receive = isAlone ? receives.at(-1) : atArrival.length === 1 ? atArrival[0] : undefined;
  return receive && { request, receive };
}

/** How far from the arrival its message may be stamped. */
function slackOf(request: EventLineJson): number {
  return "arrived" in request ? RECORDED_SLACK_TICKS : SLACK_TICKS;
}

/** Whether events of the node may be missing later than `from`. */
function mayLieIn(node: string, from: number): (one: IncompleteJson) => boolean {
  return (one) => one.node === node && (one.to === undefined || ticksOf(one.to) > from);
}

/** When a request came in. */
export function arrivalOf(request: EventLineJson): Hlc {
  const { arrived, residenceUs } = request as { arrived?: unknown; residenceUs?: unknown };
  const recorded = typeof arrived === "string" ? parseHlc(arrived) : undefined;
  const ticks = (Number(residenceUs ?? 0) / 1_000) * TICKS_PER_MS;
  return recorded ?? clampTicks(ticksOf(request.t) - Math.round(ticks));
}

/** Whether the event is the send of one of its downstream calls. */
function callsWith(request: EventLineJson, line: EventLineJson): boolean {
  const { calls } = request as { calls?: unknown };
  if (line.kind !== "send" || !Array.isArray(calls)) return false;
  return calls.some((call) => (call as { sendSeq?: unknown }).sendSeq === line.seq);
}
