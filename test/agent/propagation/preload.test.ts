import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bundleForNode } from "../../support/bundle-for-node.ts";

const run = promisify(execFile);
let folder = "";
let preload = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "retroscope-preload-"));
  preload = await bundleForNode(
    new URL("../../support/preload-hooks.ts", import.meta.url),
    folder,
    "preload",
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Serves three calls and makes them, one after the other: by get, by request, by fetch. */
const APP = `
const server = createServer((incoming, response) => response.end("ok"));
server.listen(0, "127.0.0.1", () => {
  const url = "http://127.0.0.1:" + server.address().port;
  get(url, (first) => first.resume().on("end", () =>
    http.request(url, (second) => second.resume().on("end", () =>
      fetch(url).then((third) => third.text()).then(() => server.close(() => undefined))
        .then(() => server.closeAllConnections())
    )).end()
  ));
});
`;
const apps: readonly (readonly [system: string, file: string, head: string])[] = [
  ["ES modules", "app.mjs", 'import http, { createServer, get } from "node:http";'],
  ["CommonJS", "app.cjs", 'const http = require("http"); const { createServer, get } = http;'],
];

it.each(apps)("a plain preload covers %s", async (_system, file, head) => {
  const path = join(folder, file);
  writeFileSync(path, head + APP);
  const { stdout } = await run(process.execPath, ["--import", pathToFileURL(preload).href, path], {
    timeout: 20_000,
  });
  const exchange = "send receive send receive";
  const [kinds, states = ""] = stdout.split("\n");
  expect(kinds).toBe(`${exchange} ${exchange} ${exchange}`);
  const { "http-server": server, "http-client": client, fetch, ...packages } = JSON.parse(states);
  expect([server, client, fetch]).toEqual(["active", "active", "active"]);
  // Hooks on packages that the service does not load wait for them.
  expect(new Set(Object.values(packages))).toEqual(new Set(["absent"]));
});
