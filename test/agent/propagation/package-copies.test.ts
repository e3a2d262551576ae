/** The package hooks in processes of their own: both module systems, several copies, loaded before or after. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleForNode } from "../../support/bundle-for-node.ts";

const run = promisify(execFile);
const modules = fileURLToPath(new URL("../../../node_modules/", import.meta.url));
let folder = "";
let preload = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "retroscope-copies-"));
  const source = new URL("../../support/preload-hooks.ts", import.meta.url);
  preload = await bundleForNode(source, folder, "preload");
  // Two copies of ws, as npm lays them out where versions differ.
  cpSync(join(modules, "ws"), join(folder, "node_modules/ws"), { recursive: true });
  const inner = join(folder, "node_modules/host/node_modules/ws");
  cpSync(join(modules, "ws"), inner, { recursive: true });
  writeFileSync(join(folder, "node_modules/host/index.js"), 'module.exports = require("ws");');
  for (const name of ["@grpc", "@js-sdsl", "long", "lodash.camelcase", "protobufjs", "yargs"]) {
    symlinkSync(join(modules, name), join(folder, "node_modules", name));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Asks once over a WebSocket, from the first copy to the second; then all ends. */
const ASK = `
const server = new Server({ host: "127.0.0.1", port: 0 });
server.on("connection", (socket) => socket.on("message", (data) => socket.send("re " + data)));
server.on("listening", () => {
  const socket = new WebSocket("ws://127.0.0.1:" + server.address().port);
  socket.on("open", () => socket.send("x"));
  socket.on("message", () => { socket.close(); server.close(); });
});`;
const EXCHANGE = "send receive send receive";

async function recorded(file: string, source: string, ...flags: string[]): Promise<string[]> {
  const path = join(folder, file);
  writeFileSync(path, source);
  const { stdout } = await run(process.execPath, [...flags, path], { timeout: 20_000 });
  return stdout.trim().split("\n");
}

describe("the ws hook, client and server each with a copy of ws of its own", () => {
  const apps: readonly (readonly [name: string, file: string, head: string])[] = [
    [
      "ES modules",
      "app.mjs",
      'import WebSocket from "ws"; import host from "host"; const Server = host.WebSocketServer;' +
        'if (Server === WebSocket.WebSocketServer) throw new Error("one copy");',
    ],
    [
      "CommonJS",
      "app.cjs",
      'const { WebSocket } = require("ws"); const { WebSocketServer: Server } = require("host");',
    ],
  ];
  it.each(apps)("covers both: %s", async (_name, file, head) => {
    const preloaded = ["--import", pathToFileURL(preload).href];
    const [kinds, states = "{}"] = await recorded(file, head + ASK, ...preloaded);
    expect(kinds).toBe(`${EXCHANGE} ${EXCHANGE}`);
    expect(JSON.parse(states)).toMatchObject({ ws: "active", grpc: "absent" });
  });

  it("covers one copy though the other is not as expected, whichever comes first", async () => {
    const strange = join(folder, "node_modules/strange/node_modules/ws/lib");
    mkdirSync(strange, { recursive: true });
    writeFileSync(join(strange, "websocket.js"), "module.exports = { its: 'own' };");
    const heads = ['import "./node_modules/strange/node_modules/ws/lib/websocket.js";', ""];
    for (const head of [heads, [...heads].reverse()]) {
      const source = head.join('import WebSocket, { WebSocketServer as Server } from "ws";') + ASK;
      const preloaded = ["--import", pathToFileURL(preload).href];
      const [kinds, states = "{}"] = await recorded("strange.mjs", source, ...preloaded);
      expect(kinds).toBe(`${EXCHANGE} ${EXCHANGE}`);
      expect(JSON.parse(states)).toMatchObject({ ws: "degraded" });
    }
  });

  it("covers what was loaded before it", async () => {
    const head = `import WebSocket from "ws"; import host from "host"; import "./preload.mjs";
      const Server = host.WebSocketServer;`;
    const [kinds, states = "{}"] = await recorded("late.mjs", head + ASK);
    expect(kinds).toBe(`${EXCHANGE} ${EXCHANGE}`);
    expect(JSON.parse(states)).toMatchObject({ ws: "active" });
  });
});

describe("the gRPC hook", () => {
  const CALL = `
    const serialize = (text) => Buffer.from(text), deserialize = (bytes) => String(bytes);
    const path = "/a.B/c";
    const server = new grpc.Server();
    server.addService({ c: { path, requestStream: false, responseStream: false,
      requestSerialize: serialize, requestDeserialize: deserialize,
      responseSerialize: serialize, responseDeserialize: deserialize } },
      { c: (call, done) => done(null, call.request) });
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_, port) => {
      const client = new grpc.Client("127.0.0.1:" + port, grpc.credentials.createInsecure());
      client.makeUnaryRequest(path, serialize, deserialize, "x", () => {
        client.close();
        server.forceShutdown();
      });
    });`;
  const apps: readonly (readonly [name: string, file: string, head: string, preloads: boolean])[] =
    [
      ["an ES module", "call.mjs", 'import * as grpc from "@grpc/grpc-js";', true],
      ["a CommonJS module", "call.cjs", 'const grpc = require("@grpc/grpc-js");', true],
      [
        "one that loaded the package before the hook",
        "late-call.mjs",
        'import * as grpc from "@grpc/grpc-js"; import "./preload.mjs";',
        false,
      ],
    ];
  it.each(apps)("covers %s", async (_name, file, head, preloads) => {
    const flags = preloads ? ["--import", pathToFileURL(preload).href] : [];
    const [kinds, states = "{}"] = await recorded(file, head + CALL, ...flags);
    expect(kinds).toBe(EXCHANGE);
    expect(JSON.parse(states)).toMatchObject({ ws: "absent", grpc: "active" });
  });
});
