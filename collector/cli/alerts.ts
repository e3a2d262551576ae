/** What a standing query finds from now on: a monitor that lives as long as somebody reads its alerts. */
import { RetroError } from "../../agent/kernel/index.ts";
import type { Alert, MadeMonitorJson } from "../api/query-shapes.ts";
import type { CollectorClient } from "./client.ts";

/** Of the monitor that is made for it, so that whoever lists them knows. */
const NAME = "retroscope query --live";

/**
 * Alerts as they come; ends when `signal` aborts. The stream is listened to before the monitor is made, so
 * that none is missed. The monitor is deleted at the end, however that comes. `onMade` is told of it before
 * the first alert.
 * @throws RetroError as the collector refuses the text; `unreachable` if the stream breaks off
 */
export async function* alertsOf(
  client: CollectorClient,
  rql: string,
  signal: AbortSignal,
  onMade: (made: MadeMonitorJson) => void = () => {},
): AsyncGenerator<Alert, void> {
  const events = eventsOf(client.lines("/api/live", undefined, signal));
  await events.next();
  if (signal.aborted) return;
  const made = await madeBeside(events, client, rql);
  const { id } = made;
  try {
    onMade(made);
    for await (const { name, data } of events) {
      if (name !== "alert") continue;
      const alert = JSON.parse(data) as Alert;
      if (alert.monitor === id) yield alert;
    }
  } finally {
    await client.remove(`/api/monitors/${encodeURIComponent(id)}`);
  }
  if (signal.aborted) return;
  throw new RetroError("unreachable", "the collector stopped telling what happens", {
    retriable: true,
    hint: "Was it stopped? Ask again.",
  });
}

/** The monitor. A text that is refused ends the stream too: nothing else would let go of it. */
async function madeBeside(
  events: AsyncGenerator<unknown, void>,
  client: CollectorClient,
  rql: string,
): Promise<MadeMonitorJson> {
  try {
    return await client.post<MadeMonitorJson>("/api/monitors", { rql, name: NAME });
  } catch (error) {
    await events.return();
    throw error;
  }
}

/** Server-sent events: a name, and one line of data. */
async function* eventsOf(
  lines: AsyncIterable<string>,
): AsyncGenerator<{ readonly name: string; readonly data: string }, void> {
  let name = "";
  for await (const line of lines) {
    if (line.startsWith("event: ")) name = line.slice("event: ".length);
    else if (line.startsWith("data: ")) yield { name, data: line.slice("data: ".length) };
  }
}
