/** Requests byte by byte as they are wanted, also such as no client library would send. */
import { connect } from "node:net";

/**
 * Sends `head` and `body` over a connection of their own; resolves to the answer: status, headers, text;
 * `status` 0 if the connection was closed without one, -1 if nothing came in time. A stream is cut off
 * after its first piece; after what is not well-formed the sending half is closed.
 */
export function send(port, head, body, deadlineMs, isWellFormed = true) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const chunks = [];
    let size = 0;
    const finish = (answer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => finish({ status: -1, headers: {}, text: "" }), deadlineMs);
    const look = (isOver) => {
      const answer = answerIn(Buffer.concat(chunks, size), isOver, head.startsWith("HEAD "));
      if (answer !== undefined) finish(answer);
    };
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      look(false);
    });
    socket.on("error", () => {});
    socket.on("close", () => look(true));
    socket.write(head, "latin1");
    if (body.length > 0) socket.write(body);
    // What is cut short is not waited for.
    if (!isWellFormed) socket.end();
  });
}

/** The first answer that is no 100; undefined while it is not all there. */
function answerIn(bytes, isOver, isHead) {
  const end = bytes.indexOf("\r\n\r\n");
  const none = { status: 0, headers: {}, text: "" };
  if (end < 0) return isOver ? none : undefined;
  const [line, ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(line)?.[1] ?? 0);
  if (status === 100) return answerIn(bytes.subarray(end + 4), isOver, isHead);
  const headers = {};
  for (const one of lines) {
    const colon = one.indexOf(":");
    headers[one.slice(0, colon).toLowerCase()] = one.slice(colon + 1).trim();
  }
  const rest = bytes.subarray(end + 4);
  const isStream = headers["content-type"]?.startsWith("text/event-stream");
  const length = Number(headers["content-length"] ?? Number.NaN);
  const isComplete =
    isHead || isStream || rest.length >= length || status === 304 || status === 204;
  if (!isOver && !isComplete && !isChunkedEnd(headers, rest)) return undefined;
  const text = headers["transfer-encoding"] === "chunked" ? dechunked(rest) : rest.toString("utf8");
  return { status, headers, text, isStream };
}

function isChunkedEnd(headers, rest) {
  return (
    headers["transfer-encoding"] === "chunked" && rest.toString("latin1").endsWith("0\r\n\r\n")
  );
}

function dechunked(bytes) {
  const parts = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf("\r\n", at);
    const size = Number.parseInt(bytes.toString("latin1", at, end), 16);
    if (!(size > 0)) return Buffer.concat(parts).toString("utf8");
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 4 + size;
  }
}
