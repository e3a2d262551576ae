/** Peers that do not want an answer: trickling sockets, and bodies that grow a thousandfold. */
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { BATCH_MEDIA_TYPE } from "#dist/agent/kernel/index.js";
import { quantile, sleep } from "../agent/waiting.mjs";
import { ask } from "./ask.mjs";

const SLOW_PEERS = 50;
const BOMB_BYTES = 256 * 1024 * 1024;
const BOMB_EVERY_MS = 500;

/** Connections that say a byte a second. */
export function slowPeers(port) {
  return Array.from({ length: SLOW_PEERS }, (_, i) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.on("data", () => {});
    const head = `POST /v1/batches HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${BATCH_MEDIA_TYPE}\r\n`;
    socket.write(i % 2 === 0 ? "POST /v1" : `${head}content-length: 100000\r\n\r\n`);
    const timer = setInterval(() => socket.write("x"), 1_000);
    socket.on("close", () => clearInterval(timer));
    return socket;
  });
}

/** Bombs until it is over; what became of them. */
export async function bombs(port, isOver) {
  const bomb = gzipSync(Buffer.alloc(BOMB_BYTES));
  const times = [];
  const headers = { "content-type": BATCH_MEDIA_TYPE, "content-encoding": "gzip" };
  const statuses = new Map();
  while (!isOver()) {
    const start = performance.now();
    const { status } = await ask(port, "/v1/batches", { method: "POST", body: bomb, headers });
    if (status === 413) times.push(performance.now() - start);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    await sleep(BOMB_EVERY_MS);
  }
  return {
    wireBytes: bomb.length,
    statuses: Object.fromEntries(statuses),
    medianMs: Math.round(quantile(times, 0.5)),
  };
}
