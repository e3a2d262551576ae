/** How the built agent gets into a process, and what the process then prints: each way a user may start it. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const register = join(root, "dist/agent/register.js");
const href = pathToFileURL(register).href;
const folder = mkdtempSync(join(tmpdir(), "retroscope-preload-"));
const app = join(folder, "app");
const elsewhere = join(folder, "elsewhere");

/** Prints the header of the reply to a call to itself, and no more. */
const APP = `
const server = createServer((request, response) => response.end("ok"));
server.listen(0, "127.0.0.1", () =>
  get("http://127.0.0.1:" + server.address().port, (response) => {
    response.resume();
    console.log(String(response.headers["retroscope-hlc"]));
    server.close();
    server.closeIdleConnections();
  }));
`;

beforeAll(() => {
  for (const each of [app, elsewhere]) mkdirSync(each);
  mkdirSync(join(app, "node_modules"));
  symlinkSync(root, join(app, "node_modules/retroscope"));
  symlinkSync(join(root, "node_modules/@opentelemetry"), join(app, "node_modules/@opentelemetry"));
  writeFileSync(join(app, "app.mjs"), `import { createServer, get } from "node:http"; ${APP}`);
  writeFileSync(join(app, "app.cjs"), `const { createServer, get } = require("http"); ${APP}`);
  writeFileSync(
    join(app, "tracing.cjs"),
    `const { propagation } = require("@opentelemetry/api");
     const { W3CTraceContextPropagator } = require("@opentelemetry/core");
     propagation.setGlobalPropagator(new W3CTraceContextPropagator());`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function node(args: readonly string[], { cwd = app, options = "" } = {}) {
  const env = { ...process.env, NODE_OPTIONS: options, RETROSCOPE_NODE: "n1" };
  return run(process.execPath, args, { cwd, env, timeout: 20_000 });
}

const STAMP = /^1-[0-9a-f]{16}-[0-9a-z]+\.[0-9a-z]+-n1\n$/;

describe.each(["app.mjs", "app.cjs"])("%s carries the clock", (file) => {
  const path = join(app, file);
  const ways: readonly (readonly [
    string,
    readonly string[],
    { cwd?: string; options?: string },
  ])[] = [
    ["by --import and the package's name", ["--import", "retroscope/register", file], {}],
    ["by --require and the package's name", ["--require", "retroscope/register", file], {}],
    ["by --import and a path, from elsewhere", ["--import", href, path], { cwd: elsewhere }],
    ["by --require and a path, from elsewhere", ["--require", register, path], { cwd: elsewhere }],
    ["by NODE_OPTIONS --import", [path], { cwd: elsewhere, options: `--import=${href}` }],
    ["by NODE_OPTIONS --require", [path], { cwd: elsewhere, options: `--require=${register}` }],
  ];
  it.each(ways)("%s", async (_way, args, options) => {
    const { stdout, stderr } = await node(args, options);
    expect(stdout).toMatch(STAMP);
    expect(stderr).toContain("retroscope: node n1");
    expect(stderr).toContain("http-server active, http-client active, fetch active");
  });
});

it("by the package's name works from the application's folder only: Node says which it looked in", async () => {
  const args = ["--import", "retroscope/register", join(app, "app.mjs")];
  await expect(node(args, { cwd: elsewhere })).rejects.toMatchObject({
    stderr: expect.stringContaining("Cannot find package 'retroscope' imported from"),
  });
});

it("the start line tells OpenTelemetry that came first; one warning tells the remedy", async () => {
  const { stdout, stderr } = await node([
    "--require",
    "./tracing.cjs",
    "--import",
    href,
    "app.cjs",
  ]);
  expect(stdout).toMatch(STAMP);
  expect(stderr).toMatch(/hooks: .*otel shadowed/);
  expect(stderr.match(/hook otel is shadowed: .*withRetroscope/g)).toHaveLength(1);
});
