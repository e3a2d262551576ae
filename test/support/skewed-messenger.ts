/**
 * A process of the happened-before test over gRPC and WebSockets: servers of both, a client of each peer,
 * hooks, and a clock of its own. As in skewed-peer.ts every body carries a message id and its sender's
 * vector clock, of which the hooks know nothing.
 *
 *     parent -> {peers, seed, callCount}   child -> {ports}, later {done}, {report}
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type * as grpc from "@grpc/grpc-js";
import { WebSocket, WebSocketServer } from "ws";
import { ticksFromUnixMs } from "../../agent/kernel/index.ts";
import { installHooks } from "../../agent/propagation/install.ts";
import { buy, type ShopHandlers, serveShop, shopClient } from "./grpc-exchange.ts";
import { ArrayRecorder, type Recorded } from "./message-recorder.ts";
import { seededRandom } from "./seeded-random.ts";
import type { Moment } from "./skewed-peer.ts";

export interface MessengerPorts {
  readonly grpc: number;
  readonly ws: number;
}

export interface MessengerPlan {
  readonly peers: readonly MessengerPorts[];
  readonly seed: number;
  readonly callCount: number;
}

export interface MessengerReport {
  readonly node: string;
  readonly moments: readonly Moment[];
  readonly events: readonly Recorded[];
  /** WebSocket message id to the send recorded for it: `node/epoch/seq`. */
  readonly sent: Readonly<Record<string, string>>;
  /** WebSocket message id to the send that its receive names. */
  readonly received: Readonly<Record<string, string>>;
}

interface Body {
  readonly id: string;
  /** Of an answer: the question's. */
  readonly re?: string;
  readonly vector: readonly number[];
  readonly hops: number;
}

const [indexText = "0", countText = "1", skewText = "0", hooksText = "on"] = process.argv.slice(2);
const index = Number(indexText);
const node = `n${index}`;
const vector = new Array<number>(Number(countText)).fill(0);
const recorder = new ArrayRecorder(node, 1, {
  now: () => ticksFromUnixMs(Date.now() + Number(skewText) - (Date.now() % 7 === 0 ? 3 : 0)),
});
const moments: Moment[] = [];
const sent: Record<string, string> = {};
const received: Record<string, string> = {};
const waiting = new Map<string, (answer: Body) => void>();
const shops: grpc.Client[] = [];
const sockets: WebSocket[] = [];
let random = seededRandom(1);
let messageCount = 0;
let onConnected: () => void = () => undefined;
const connected = new Promise<void>((resolve) => {
  onConnected = resolve;
});

// Only the two: the clock must not come through HTTP.
if (hooksText === "on") installHooks({ recorder, hooks: ["grpc", "ws", "http-client"] });

/** Something happens in the application. */
function moment(seen: readonly number[] = []): readonly number[] {
  for (const [i, count] of seen.entries()) vector[i] = Math.max(vector[i] ?? 0, count);
  vector[index] = (vector[index] ?? 0) + 1;
  const now = [...vector];
  moments.push({ node: index, vector: now, t: recorder.change() });
  return now;
}

function nextId(): string {
  messageCount += 1;
  return `${node}-${messageCount}`;
}

async function answerTo(question: Body): Promise<Body> {
  moment(question.vector);
  if (question.hops > 0 && random() < 0.6) await call(question.hops - 1);
  if (random() > 0.7) await new Promise((resolve) => setImmediate(resolve));
  return { id: nextId(), re: question.id, vector: moment(), hops: 0 };
}

async function call(hops: number): Promise<void> {
  await connected; // others may ask before we are
  const others = [...shops.keys()].filter((i) => i !== index);
  const peer = others[Math.floor(random() * others.length)] ?? 0;
  const question: Body = { id: nextId(), vector: moment(), hops };
  const answer = random() < 0.5 ? await viaGrpc(peer, question) : await viaWs(peer, question);
  moment(answer.vector);
}

async function viaGrpc(peer: number, question: Body): Promise<Body> {
  const { value, error } = await buy(shops[peer] as grpc.Client, question);
  if (error !== null) throw error;
  return value as Body;
}

function viaWs(peer: number, question: Body): Promise<Body> {
  const answer = new Promise<Body>((resolve) => waiting.set(question.id, resolve));
  sendOver(sockets[peer] as WebSocket, question);
  return answer;
}

/** Some in fragments, some compressed; the padding makes compressing worth while. */
function sendOver(socket: WebSocket, body: Body): void {
  const text = JSON.stringify({ ...body, padding: "x".repeat(random() < 0.3 ? 5_000 : 10) });
  if (random() < 0.2) {
    socket.send(text.slice(0, 5), { fin: false });
    socket.send(text.slice(5));
  } else {
    socket.send(text);
  }
  const last = recorder.events.findLast((event) => event.kind === "send");
  if (last !== undefined && hooksText === "on") sent[body.id] = `${node}/1/${last.seq}`;
}

function listenTo(socket: WebSocket): void {
  socket.on("message", (data) => {
    const body = JSON.parse(String(data)) as Body;
    const last = recorder.events.findLast((event) => event.kind === "receive");
    if (last?.kind === "receive" && last.from !== null) {
      received[body.id] = `${last.from.node}/${last.from.epoch}/${last.from.seq}`;
    }
    if (body.re !== undefined) {
      waiting.get(body.re)?.(body);
      waiting.delete(body.re);
      return;
    }
    answerTo(body).then((answer) => sendOver(socket, answer), fail);
  });
}

function fail(error: unknown): void {
  process.send?.({ failed: String(error) });
}

const handlers: ShopHandlers = {
  buy: ((question, done) => {
    answerTo(question.request).then((answer) => done(null, answer), fail);
  }) as grpc.handleUnaryCall<Body, Body>,
};
const { port: grpcPort } = await serveShop(handlers);
const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  perMessageDeflate: { threshold: 1_000 },
});
server.on("connection", listenTo);
await once(server, "listening");
process.send?.({ ports: { grpc: grpcPort, ws: (server.address() as AddressInfo).port } });

process.on("message", (plan: MessengerPlan | "stop") => {
  if (plan === "stop") {
    const report: MessengerReport = { node, moments, events: recorder.events, sent, received };
    process.send?.({ report }, () => process.exit(0));
    return;
  }
  random = seededRandom(plan.seed + index);
  run(plan).then(() => process.send?.({ done: true }), fail);
});

async function run(plan: MessengerPlan): Promise<void> {
  const opened = plan.peers.map(({ grpc: shop, ws }) => {
    shops.push(shopClient(`127.0.0.1:${shop}`));
    const socket = new WebSocket(`ws://127.0.0.1:${ws}`);
    listenTo(socket);
    sockets.push(socket);
    return once(socket, "open");
  });
  await Promise.all(opened);
  onConnected();
  const lanes = Array.from({ length: 4 }, async () => {
    for (let i = 0; i < plan.callCount / 4; i += 1) await call(2);
  });
  await Promise.all(lanes);
}
