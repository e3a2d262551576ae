/** `retroscope doctor` as a process: over its own service, and over applications of every kind. */
import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isAlive, until } from "../support/processes.ts";

const root = resolve(import.meta.dirname, "../..");
const main = join(root, "dist/collector/main.js");
const folder = mkdtempSync(join(tmpdir(), "retroscope-doctor-test-"));
/** Where applications find their packages. */
const app = join(folder, "app");
/** Where they find none. */
const bare = join(folder, "bare");
let collector: ChildProcess;
let url = "";

interface Answer {
  readonly processes: readonly {
    readonly threadId: number;
    readonly agent: {
      readonly hooks: Readonly<Record<string, { readonly state: string; readonly reason: string }>>;
      readonly packages: readonly { readonly name: string; readonly loaded: readonly string[] }[];
      readonly isListening: boolean;
      readonly sends: number;
      readonly receives: number;
    };
  }[];
  readonly findings: readonly { level: string; subject: string; what: string; advice: string }[];
  readonly collector: { version: string; offsetMs: { lowest: number; highest: number } } | null;
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function doctor(
  words: readonly string[],
  { cwd = app, env = {} }: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [main, "doctor", ...words], {
    cwd,
    env: { ...process.env, RETROSCOPE_URL: url, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, out, err })));
}

async function examined(
  words: readonly string[],
  options = {},
): Promise<Answer & { code: number | null }> {
  const { code, out, err } = await doctor(["--json", ...words], options);
  expect(err).toBe("");
  return { ...(JSON.parse(out) as Answer), code };
}

/** Serves, and calls itself once. */
const SERVER = `
const server = http.createServer((request, response) => response.end("ok"));
server.listen(0, "127.0.0.1", () => {
  console.log("to standard output");
  http.get("http://127.0.0.1:" + server.address().port, (response) => response.resume());
});
`;

const agentDoor = pathToFileURL(join(root, "dist/agent/index.js")).href;
const START = `import { startAgent } from "${agentDoor}";
  const agent = startAgent({ service: "own", quiet: true, collector: process.argv[2] });`;

beforeAll(async () => {
  for (const each of [app, bare]) mkdirSync(each);
  symlinkSync(join(root, "node_modules"), join(app, "node_modules"));
  const manifest = { type: "module", dependencies: { ws: "*", express: "*" } };
  for (const each of [app, bare])
    writeFileSync(join(each, "package.json"), JSON.stringify(manifest));
  const files: Readonly<Record<string, string>> = {
    "app.mjs": `import http from "node:http"; import "express"; ${SERVER}`,
    "app.cjs": `const http = require("http"); require("express"); ${SERVER}`,
    "worker.mjs": `import http from "node:http"; import { isMainThread, Worker } from "node:worker_threads";
      if (isMainThread) new Worker(new URL(import.meta.url)); ${SERVER}`,
    "crash.mjs": `throw new Error("a bad start");`,
    // Ships as its words say, from code.
    "own-server.mjs": `import http from "node:http"; ${START} ${SERVER}`,
    "own-job.mjs": `${START} agent.log("stock").set("apples", 1); await agent.close();`,
    "plain.mjs": `import http from "node:http"; ${SERVER}`,
    "idle.mjs": `setInterval(() => {}, 1_000);`,
    "tracing.cjs": `const { NodeSDK } = require("@opentelemetry/sdk-node");
      new NodeSDK({ spanProcessors: [], logRecordProcessors: [], metricReaders: [], autoDetectResources: false }).start();`,
    "stubborn.mjs": `import { spawn } from "node:child_process"; import { writeFileSync } from "node:fs";
      process.on("SIGTERM", () => {});
      const child = spawn(process.execPath, ["-e", "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"], { stdio: "ignore" });
      writeFileSync(process.argv[2], process.pid + " " + child.pid);
      setInterval(() => {}, 1_000);`,
    "bundled-source.mjs": `import { WebSocketServer } from "ws";
      new WebSocketServer({ host: "127.0.0.1", port: 0 });`,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(app, name), text);
  await build({
    configFile: false,
    logLevel: "silent",
    root: app,
    ssr: { noExternal: true },
    build: {
      ssr: true,
      outDir: bare,
      emptyOutDir: false,
      minify: false,
      rollupOptions: {
        input: { bundled: join(app, "bundled-source.mjs") },
        output: { format: "es", entryFileNames: "[name].mjs" },
      },
    },
  });

  const words = [main, "collector", "--port", "0", "--data", join(folder, "data")];
  collector = spawn(process.execPath, words, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
  url = await new Promise<string>((resolve, reject) => {
    collector.once("exit", (code) => reject(new Error(`the collector ended with ${code}`)));
    collector.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const found = /open (http:\S+)/.exec(text);
      if (found) resolve(found[1] as string);
    });
  });
}, 60_000);

afterAll(async () => {
  const gone = new Promise((resolve) => collector.once("exit", resolve));
  collector.kill("SIGTERM");
  await gone;
  rmSync(folder, { recursive: true, force: true });
});

describe("doctor without a command", () => {
  it("drives every hook of this Node, and asks the collector for version and clock", async () => {
    const { code, processes, findings, collector: asked } = await examined([]);
    const agent = processes[0]?.agent;
    for (const name of ["http-server", "http-client", "fetch", "kafkajs", "grpc", "ws"]) {
      expect(agent?.hooks[name]?.state, name).toBe("active");
    }
    expect(agent?.sends).toBeGreaterThanOrEqual(8);
    expect(findings.filter(({ level }) => level === "bad")).toEqual([]);
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(asked?.version).toBe(version);
    // One machine, one clock; the collector's HLC may be a little ahead.
    expect(asked?.offsetMs.lowest).toBeLessThan(50);
    expect(asked?.offsetMs.highest).toBeGreaterThan(-50);
    expect(code).toBe(0);
  });

  it("exits with 3 if no collector answers, unless none is to be asked", async () => {
    const nobody = { env: { RETROSCOPE_URL: "http://127.0.0.1:9" } };
    const { code, out } = await doctor([], nobody);
    expect(out).toContain("cannot reach a collector at http://127.0.0.1:9");
    expect(out).toContain("hook http-server");
    expect(code).toBe(3);
    expect((await doctor(["--no-collector"], nobody)).code).toBe(0);
  });

  it("ships nothing, and says of a collector without nodes that it has none", async () => {
    const { findings } = await examined([], { env: { RETROSCOPE_COLLECTOR: url } });
    expect(findings.map(({ what }) => what)).toContain("no agent has shipped anything yet");
  });
});

it("says in a sentence why a cut now is incomplete, and what to do", async () => {
  const env = { ...process.env, RETROSCOPE_COLLECTOR: url, RETROSCOPE_NODE: "n-stopped" };
  const words = ["--import", pathToFileURL(join(root, "dist/agent/register.js")).href, "idle.mjs"];
  const child = spawn(process.execPath, words, { cwd: app, env, stdio: "ignore" });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  try {
    await until(async () => (await (await fetch(`${url}/api/nodes`)).text()).includes("n-stopped"));
    child.kill("SIGSTOP");
    await until(async () => {
      const { findings } = await examined([]);
      const found = findings.find(({ what }) => what.startsWith("incomplete: n-stopped is "));
      return found?.advice !== undefined && found.level === "note";
    });
  } finally {
    child.kill("SIGKILL");
    await gone;
  }
}, 40_000);

// Two at a time: each mostly waits for the application that it looks at.
describe.concurrent("doctor with a command", () => {
  it.each(["app.mjs", "app.cjs"])(
    "tells hooks and packages of %s, from outside its folder",
    async (file) => {
      const { code, processes } = await examined(["--", "node", join(app, file)], { cwd: bare });
      const [one, ...more] = processes;
      expect(more).toEqual([]);
      expect(one?.agent).toMatchObject({
        hooks: { "http-server": { state: "active" }, ws: { state: "absent" } },
        isListening: true,
        sends: 2,
        receives: 2,
      });
      expect(one?.agent.packages.find(({ name }) => name === "express")?.loaded).toHaveLength(1);
      expect(code).toBe(0);
    },
  );

  it("reaches worker threads", async () => {
    const { processes } = await examined(["--for", "2s", "--", "node", "worker.mjs"]);
    expect(processes.map(({ threadId, agent }) => [threadId, agent.receives])).toEqual([
      [0, 2],
      [1, 2],
    ]);
  });

  it("tells OpenTelemetry that came first, and the remedy", async () => {
    const { code, findings, processes } = await examined([
      ...["--", "node", "--require", "./tracing.cjs", "app.cjs"],
    ]);
    expect(processes[0]?.agent.hooks["otel"]?.state).toBe("shadowed");
    const found = findings.find(({ subject }) => subject === "hook otel");
    expect(found?.level).toBe("note");
    expect(found?.what).toContain("withRetroscope");
    expect(code).toBe(0);
  });

  it("shows the last words of one that crashes, and exits with 3", async () => {
    const { code, out } = await doctor(["--", "node", "crash.mjs"]);
    expect(out).toMatch(/BAD +command +it ended after .* with exit code 1/);
    expect(out).toMatch(/\| .*a bad start/);
    expect(code).toBe(3);
  });

  it("says of one that never listens that it does not", async () => {
    // Long enough for it to start, and to report, on a crowded machine.
    const { code, findings } = await examined(["--for", "3s", "--", "node", "idle.mjs"]);
    expect(findings.map(({ what }) => what)).toContain("it did not listen within 3.0 s");
    expect(code).toBe(0);
  });

  it("suspects a package that is a dependency and was not seen: bundled", async () => {
    const { findings } = await examined(["--", "node", "bundled.mjs"], { cwd: bare });
    const found = findings.find(({ subject }) => subject === "hook ws");
    expect(found).toMatchObject({ level: "note" });
    expect(found?.advice).toContain('agent.instrument("ws", ...)');
  });

  it("explains a preload that Node looks for in the wrong folder", async () => {
    const words = ["--", "node", "--import", "retroscope/register", join(app, "app.mjs")];
    const { code, findings } = await examined(words, { cwd: bare });
    const found = findings.find(({ subject }) => subject === "command");
    expect(found?.advice).toContain("from the working directory");
    expect(found?.advice).toContain(pathToFileURL(join(root, "dist/agent/register.js")).href);
    expect(code).toBe(3);
  });

  it("tells a setting that kept the agent from starting, and exits with 1", async () => {
    const env = { RETROSCOPE_WINDOW: "long" };
    const { code, findings } = await examined(["--for", "3s", "--", "node", "app.mjs"], { env });
    expect(findings.find(({ level }) => level === "bad")?.what).toContain("RETROSCOPE_WINDOW");
    expect(code).toBe(1);
  });

  it("judges a server as it was before doctor ended it, though nobody takes its goodbye", async () => {
    const nowhere = "http://127.0.0.1:9";
    const words = ["--as-is", "--", "node", "own-server.mjs", nowhere];
    const { code, findings, processes } = await examined(words);
    expect(processes[0]?.agent.hooks["fetch"]?.state).toBe("active");
    const bad = findings.filter(({ level }) => level === "bad");
    expect(bad.map(({ what }) => what)).toEqual([`it cannot ship to ${nowhere} (ECONNREFUSED)`]);
    expect(findings.map(({ what }) => what)).toContain(
      `asked is ${url}, but the application ships to ${nowhere}`,
    );
    expect(code).toBe(1);
  });

  it("tells an address with a path too many", async () => {
    const words = ["--as-is", "--", "node", "own-server.mjs", `${url}/api`];
    const bad = (await examined(words)).findings.filter(({ level }) => level === "bad");
    expect(bad.map(({ what }) => what)).toEqual([
      `it cannot ship to ${url}/api (404, there is no /api/v1/batches)`,
    ]);
    expect(bad[0]?.advice).toContain("Leave the path /api out");
  });

  it("is content with a server that ships, and with a job that ends and closes its agent", async () => {
    for (const file of ["own-server.mjs", "own-job.mjs"]) {
      const { code, findings, processes } = await examined(["--as-is", "--", "node", file, url]);
      expect(findings.filter(({ level }) => level === "bad")).toEqual([]);
      expect(processes[0]?.agent.hooks["fetch"]?.state, file).toBe("active");
      expect(code, file).toBe(0);
      const closed = findings.some(({ what }) => what === "it closed by itself");
      expect(closed, file).toBe(file === "own-job.mjs");
    }
  });

  it("tells a job that nobody took its events", async () => {
    const words = ["--as-is", "--", "node", "own-job.mjs", "http://127.0.0.1:9"];
    const { code, findings } = await examined(words);
    const bad = findings.filter(({ level }) => level === "bad").map(({ what }) => what);
    expect(bad).toEqual(["it cannot ship to http://127.0.0.1:9 (ECONNREFUSED)"]);
    expect(code).toBe(1);
  });

  it("says of an application without an agent to leave --as-is out", async () => {
    const words = ["--as-is", "--for", "1s", "--", "node", "plain.mjs"];
    const { findings } = await examined(words);
    expect(findings.map(({ what }) => what)).not.toContain("it did not listen within 1.0 s");
    const found = findings.find(({ subject }) => subject === "agent");
    expect(found?.what).toMatch(/^this application does not call startAgent/);
    expect(found?.advice).toContain("Leave --as-is out");
  });

  it("says that a hook is off because nobody asked for it", async () => {
    const env = { RETROSCOPE_HOOKS: "http-server" };
    const { findings } = await examined(["--for", "3s", "--", "node", "app.mjs"], { env });
    const found = findings.find(({ subject }) => subject === "hook fetch");
    expect(found).toMatchObject({ level: "note", what: "off: not asked for" });
  });

  it("ends all that the command started, and leaves no file", async () => {
    const pids = join(folder, "pids");
    const temporary = join(folder, "tmp");
    mkdirSync(temporary);
    const env = { TMPDIR: temporary };
    await examined(["--for", "1s", "--", "node", "stubborn.mjs", pids], { env });
    const alive = readFileSync(pids, "utf8").split(" ").map(Number).filter(isAlive);
    expect(alive).toEqual([]);
    expect(existsSync(temporary) && readdirSync(temporary)).toEqual([]);
  });

  it("ends the command when it is interrupted itself, and shows what it saw", async () => {
    const pids = join(folder, "interrupted-pids");
    const words = ["doctor", "--no-collector", "--for", "60s", "--", "node", "stubborn.mjs", pids];
    const child = spawn(process.execPath, [main, ...words], {
      cwd: app,
      stdio: ["ignore", "pipe", "ignore"],
    });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    const gone = new Promise((resolve) => child.once("close", resolve));
    await until(async () => existsSync(pids) && readFileSync(pids, "utf8").includes(" "));
    child.kill("SIGINT");
    await gone;
    expect(out).toContain("hook http-server");
    expect(readFileSync(pids, "utf8").split(" ").map(Number).filter(isAlive)).toEqual([]);
  });

  it("is usage where the command does not exist, or --as-is stands alone", async () => {
    expect((await doctor(["--", "no-such-program"])).code).toBe(2);
    expect((await doctor(["--as-is"])).code).toBe(2);
  });
});
