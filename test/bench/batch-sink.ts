/**
 * A collector that stores nothing, in a process of its own, so that its work is not counted as the
 * agent's: acknowledges every batch, and spans of OTLP. Prints its port. Ends when its input does.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { decodeHeader, INGEST_PATH, splitFrames } from "#dist/agent/kernel/index.js";

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    if (request.url !== INGEST_PATH) {
      response.setHeader("content-type", "application/x-protobuf");
      response.end(); // an empty message: all was taken
      return;
    }
    const acks = splitFrames(Buffer.concat(chunks)).map((bytes) => {
      const { node, epoch, firstSeq, lastSeq } = decodeHeader(bytes);
      return { node, epoch, firstSeq, lastSeq, storedCount: lastSeq - firstSeq + 1 };
    });
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ acks, commands: [] }));
  });
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.stdin.on("end", () => process.exit(0)).resume();
