/**
 * A process of the happened-before test: a server and a client with hooks, on a clock of its own.
 *
 * Beside the hooks runs the independent truth: every body carries its sender's vector clock and a
 * message id, and a wiretap on what leaves notes which carrier text went out under which id. Nothing
 * of that is read by the hooks.
 *
 *     parent -> {peers, seed, callCount}   child -> {port}, later {report}
 */
import { subscribe } from "node:diagnostics_channel";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ticksFromUnixMs } from "../../agent/kernel/index.ts";
import { CARRIER_HEADER } from "../../agent/propagation/carrier.ts";
import { installHooks } from "../../agent/propagation/install.ts";
import { ArrayRecorder, type Recorded } from "./message-recorder.ts";
import { seededRandom } from "./seeded-random.ts";

/** A moment of the application: its vector clock and the agent's time. */
export interface Moment {
  readonly node: number;
  readonly vector: readonly number[];
  readonly t: number;
}

export interface PeerReport {
  readonly node: string;
  readonly moments: readonly Moment[];
  readonly events: readonly Recorded[];
  /** Message id to the carrier text seen on its way out. */
  readonly sent: Readonly<Record<string, string>>;
  /** Message id to the send that the receive recorded for it names: `node/epoch/seq`. */
  readonly received: Readonly<Record<string, string>>;
}

export interface PeerPlan {
  readonly peers: readonly number[];
  readonly seed: number;
  readonly callCount: number;
}

interface Body {
  readonly id: string;
  readonly vector: readonly number[];
  readonly hops: number;
}

const MESSAGE_ID = "x-message-id";
const [indexText = "0", countText = "1", skewText = "0", hooksText = "on"] = process.argv.slice(2);
const index = Number(indexText);
const node = `n${index}`;
const vector = new Array<number>(Number(countText)).fill(0);
// Whole milliseconds only, so that ties are common, and a step back now and then.
const recorder = new ArrayRecorder(node, 1, {
  now: () => ticksFromUnixMs(Date.now() + Number(skewText) - (Date.now() % 7 === 0 ? 3 : 0)),
});
const moments: Moment[] = [];
const sent: Record<string, string> = {};
const received: Record<string, string> = {};
let peers: readonly number[] = [];
let random = seededRandom(1);
let messageCount = 0;

if (hooksText === "on") {
  const hooks = installHooks({ recorder });
  process.on("exit", () => hooks.close());
}

/** Something happens in the application. */
function moment(seen: readonly number[] = []): readonly number[] {
  for (const [i, count] of seen.entries()) vector[i] = Math.max(vector[i] ?? 0, count);
  vector[index] = (vector[index] ?? 0) + 1;
  const now = [...vector];
  moments.push({ node: index, vector: now, t: recorder.change() });
  return now;
}

function noteReceive(id: string): void {
  const last = recorder.events.findLast((event) => event.kind === "receive");
  if (last?.kind === "receive" && last.from !== null) {
    received[id] = `${last.from.node}/${last.from.epoch}/${last.from.seq}`;
  }
}

function nextId(): string {
  messageCount += 1;
  return `${node}-${messageCount}`;
}

// The wiretap: what really went out.
subscribe("http.client.request.start", (message) => {
  noteSent((message as { request: { _header: string } }).request._header);
});
subscribe("undici:client:sendHeaders", (message) =>
  noteSent((message as { headers: string }).headers),
);
subscribe("http.server.response.finish", (message) => {
  noteSent((message as { response: { _header: string } }).response._header);
});
function noteSent(head: string): void {
  const id = new RegExp(`${MESSAGE_ID}: (\\S+)`).exec(head)?.[1];
  const text = new RegExp(`${CARRIER_HEADER}: (\\S+)`).exec(head)?.[1];
  if (id !== undefined && text !== undefined) sent[id] = text;
}

async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  noteReceive(String(incoming.headers[MESSAGE_ID]));
  let text = "";
  for await (const chunk of incoming) text += String(chunk);
  const body = JSON.parse(text) as Body;
  moment(body.vector);
  if (body.hops > 0 && random() < 0.6) await call(body.hops - 1);
  const id = nextId();
  const style = random();
  response.setHeader(MESSAGE_ID, id);
  if (style < 0.4) response.writeHead(200); // the head early, the truth after it
  if (style > 0.7) await new Promise((resolve) => setImmediate(resolve));
  const answer: Body = { id, vector: moment(), hops: 0 };
  response.end(JSON.stringify(answer));
}

async function call(hops: number): Promise<void> {
  const others = peers.filter((_, i) => i !== index);
  const port = others[Math.floor(random() * others.length)] ?? 0;
  const id = nextId();
  const body = JSON.stringify({ id, vector: moment(), hops } satisfies Body);
  const url = `http://127.0.0.1:${port}/`;
  const answer = random() < 0.5 ? await viaFetch(url, id, body) : await viaHttp(url, id, body);
  moment(answer.vector);
}

async function viaFetch(url: string, id: string, body: string): Promise<Body> {
  const response = await fetch(url, { method: "POST", body, headers: { [MESSAGE_ID]: id } });
  return (await response.json()) as Body;
}

function viaHttp(url: string, id: string, body: string): Promise<Body> {
  const asArray = random() < 0.3;
  const host = new URL(url).host;
  const headers = asArray ? ["Host", host, MESSAGE_ID, id] : { [MESSAGE_ID]: id };
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: "POST", headers: headers as never }, (response) => {
      noteReceive(String(response.headers[MESSAGE_ID]));
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(JSON.parse(text) as Body));
    });
    outgoing.on("error", reject);
    if (random() < 0.3) outgoing.write(body, () => outgoing.end());
    else outgoing.end(body);
  });
}

const server = createServer((incoming, response) => {
  handle(incoming, response).catch((error: unknown) => response.destroy(error as Error));
});
server.listen(0, "127.0.0.1", () =>
  process.send?.({ port: (server.address() as AddressInfo).port }),
);

process.on("message", (plan: PeerPlan | "stop") => {
  if (plan === "stop") {
    const report: PeerReport = { node, moments, events: recorder.events, sent, received };
    process.send?.({ report }, () => process.exit(0));
    return;
  }
  peers = plan.peers;
  random = seededRandom(plan.seed + index);
  const lanes = Array.from({ length: 4 }, async () => {
    for (let i = 0; i < plan.callCount / 4; i += 1) await call(2);
  });
  Promise.all(lanes).then(
    () => process.send?.({ done: true }),
    (error: unknown) => process.send?.({ failed: String(error) }),
  );
});
