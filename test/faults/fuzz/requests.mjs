/**
 * Makes requests to fuzz a route with: its method or another, its path or a damaged one, the parameters
 * that it says it takes with values right and wrong, headers, bodies. Most stay well-formed HTTP, and of
 * those an answer is wanted; the rest may be refused in any way but not survive in silence.
 */
import { deflateSync, gzipSync } from "node:zlib";
import { damagedFrame } from "./decoders.mjs";
import { HOSTILE_TEXTS, mutated, mutatedText } from "./mutate.mjs";

const METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "PROPFIND"];
const TYPES = [
  "application/json",
  "application/vnd.retroscope.batch",
  "application/octet-stream",
  "text/plain",
  "application/x-www-form-urlencoded",
  "application/json; charset=utf-16",
  "application/json; charset=latin1",
  "",
];
const BATCH_TYPE = TYPES[1];
const GOOD_VALUES = {
  at: ["now", "-1s", "-30s", "1795276741000"],
  from: ["-60s", "-30s", "1795276740000", "2026-11-21T15:59:00Z"],
  to: ["now", "-1s", "1795276742000"],
  node: ["n1", "n2"],
  service: ["kv"],
  log: ["stock", "__proto__"],
  key: ["k1", "members"],
  kind: ["set", "send", "receive"],
  limit: ["1", "10", "10000"],
  count: ["1", "5", "1000"],
  pixels: ["1", "800", "16384"],
  direction: ["next", "prev"],
  all: ["true", "false"],
  strict: ["true", "false"],
  ranges: ["all", "latest"],
  // Never longer: an answer is held open for it.
  wait: ["0ms", "1ms", "20ms"],
  hold: ["0ms", "1ms", "20ms"],
};
/** They would hold an answer open for as long as they say. */
const WAITING = new Set(["wait", "hold"]);

/** `seeds`: encoded batches. `accepted`: parameters by path. */
export function makeRequest({ routes, accepted, seeds, port }, chance) {
  const route = chance.of(routes);
  const method = chance.in(0.85) ? chance.of(route.methods) : chance.of(METHODS);
  const target = pathOf(route, chance) + searchOf(accepted.get(route.path) ?? [], chance);
  const { body, type } = bodyOf(route, method, seeds, chance);
  const encoded = encodedBody(body, chance);
  const headers = headersOf(encoded, type, port, chance);
  let head = `${method} ${target} HTTP/1.1\r\n${headers}\r\n`;
  let isWellFormed = !/[\r\n ]/.test(target);
  if (chance.in(0.03)) {
    head = mutatedText(head, chance);
    isWellFormed = false;
  }
  return { method, target, head, body: encoded.bytes, isWellFormed, path: route.path };
}

function pathOf({ path }, chance) {
  const filled = path.replace(/[*:]\w+/g, () =>
    encodeURIComponent(chance.in(0.5) ? "c1" : wellFormed(chance.of(HOSTILE_TEXTS))),
  );
  if (chance.in(0.9)) return filled;
  return `/${mutatedText(filled.slice(1), chance).replace(/[^\x21-\x7e]/g, "%00")}`;
}

function searchOf(accepted, chance) {
  const pairs = [];
  for (const name of accepted) {
    if (chance.in(0.35)) continue;
    for (let n = chance.in(0.9) ? 1 : 2; n > 0; n -= 1) pairs.push(pairOf(name, chance));
  }
  if (chance.in(0.1)) pairs.push(`${encodeURIComponent(wellFormed(chance.of(HOSTILE_TEXTS)))}=1`);
  if (chance.in(0.02)) for (let n = 0; n < 800; n += 1) pairs.push(`node=n${n}`);
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

function pairOf(name, chance) {
  const good = GOOD_VALUES[name] ?? ["1", "c1"];
  if (chance.in(0.75)) return `${name}=${encodeURIComponent(chance.of(good))}`;
  if (WAITING.has(name)) return `${name}=${chance.of(["soon", "-1s", "1e9s", "61s", "", "%00"])}`;
  if (chance.in(0.1)) return `${name}=${chance.of(["%", "%zz", "%ff%fe", "a+b%20c", "%00"])}`;
  return `${name}=${encodeURIComponent(wellFormed(mutatedText(chance.of(good), chance)))}`;
}

function bodyOf(route, method, seeds, chance) {
  const takesBody = method !== "GET" && method !== "HEAD";
  if (!takesBody && chance.in(0.97)) return { body: Buffer.alloc(0), type: "" };
  if (route.path === "/v1/batches" || chance.in(0.05)) {
    const frame = chance.in(0.3)
      ? chance.of(seeds)
      : damagedFrame(chance.of(seeds), chance.of(seeds), chance);
    return { body: Buffer.from(frame), type: chance.in(0.9) ? BATCH_TYPE : chance.of(TYPES) };
  }
  const type = chance.in(0.85) ? "application/json" : chance.of(TYPES);
  return { body: jsonBody(chance), type };
}

function jsonBody(chance) {
  if (chance.in(0.1))
    return Buffer.from(mutated(Buffer.from('{"from":"-5s"}'), Buffer.from("[]{}"), chance));
  if (chance.in(0.05)) return Buffer.from(`${"[".repeat(20_000)}${"]".repeat(20_000)}`);
  if (chance.in(0.02)) return Buffer.alloc(1_100_000, 0x20);
  const text = () => chance.of([...HOSTILE_TEXTS, "-5s", "now", "n1", "stock", "k1"]);
  const value = () =>
    chance.of([text(), 0, -1, 2 ** 53, null, true, [], {}, [text(), text()], { a: [1] }]);
  const fields = { from: "-30s", to: "-1s" };
  const names = ["from", "to", "nodes", "reason", "name", "at", "id", "node", "rql", "explain"];
  for (let n = chance.below(4); n > 0; n -= 1) fields[chance.of(names)] = value();
  let json = JSON.stringify(fields);
  if (chance.in(0.1))
    json = json.replace(
      "{",
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},',
    );
  return Buffer.from(chance.in(0.2) ? mutatedText(json, chance) : json);
}

function encodedBody(body, chance) {
  if (body.length === 0 || chance.in(0.8)) return { bytes: body, encoding: "" };
  const encoding = chance.of([
    "gzip",
    "deflate",
    "x-gzip",
    "br",
    "identity",
    "gzip, gzip",
    "__proto__",
  ]);
  if (encoding === "deflate") return { bytes: damagedNow(deflateSync(body), chance), encoding };
  if (encoding.includes("gzip")) return { bytes: damagedNow(gzipSync(body), chance), encoding };
  return { bytes: body, encoding };
}

function damagedNow(bytes, chance) {
  return chance.in(0.3) ? Buffer.from(mutated(bytes, bytes, chance)) : bytes;
}

function headersOf({ bytes, encoding }, type, port, chance) {
  const lines = [];
  const host = chance.in(0.95)
    ? `127.0.0.1:${port}`
    : chance.of(["evil.example", "", "[::1]", "localhost:99999999"]);
  lines.push(`host: ${host}`);
  if (chance.in(0.05))
    lines.push(`origin: ${chance.of(["null", "http://evil.example", `http://127.0.0.1:${port}`])}`);
  if (type !== "") lines.push(`content-type: ${type}`);
  if (encoding !== "") lines.push(`content-encoding: ${encoding}`);
  if (bytes.length > 0 || chance.in(0.2)) lines.push(`content-length: ${bytes.length}`);
  if (chance.in(0.03)) lines.push(`expect: ${chance.of(["100-continue", "miracles"])}`);
  if (chance.in(0.05)) lines.push(`range: bytes=${chance.of(["0-1", "-1", "999999-", "0-0,2-3"])}`);
  if (chance.in(0.05)) lines.push(`accept: ${chance.of(["text/html", "*/*", "application/xml"])}`);
  if (chance.in(0.02)) lines.push(`x-long: ${"y".repeat(chance.of([10, 8_000, 20_000]))}`);
  if (chance.in(0.02)) lines.push("upgrade: websocket", "connection: upgrade");
  else lines.push("connection: close");
  return lines.map((line) => `${line}\r\n`).join("");
}

function wellFormed(text) {
  return text.toWellFormed?.() ?? text;
}
