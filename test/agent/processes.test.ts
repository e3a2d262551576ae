/**
 * The agent in processes of its own: the preload, exits, signals. The sources are bundled for Node; the
 * collector is an HTTP server of this test that decodes and acknowledges.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { decodeBatch, eventsOf, type RetroEvent, splitFrames } from "../../agent/kernel/index.ts";
import { bundleForNode } from "../support/bundle-for-node.ts";

let folder = "";
let register = "";
let sdk = "";
let server: Server;
let events: RetroEvent[] = [];
let isAnswering = true;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "retroscope-processes-"));
  register = await bundleForNode(
    new URL("../../agent/register.ts", import.meta.url),
    folder,
    "register",
  );
  sdk = await bundleForNode(new URL("../../agent/index.ts", import.meta.url), folder, "sdk");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(async () => {
  events = [];
  isAnswering = true;
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (!isAnswering) return;
      const acks = splitFrames(Buffer.concat(chunks)).map((bytes) => {
        const batch = decodeBatch(bytes);
        events.push(...eventsOf(batch));
        const { node, epoch, firstSeq, lastSeq } = batch.header;
        return { node, epoch, firstSeq, lastSeq, storedCount: 0 };
      });
      response.end(JSON.stringify({ acks, commands: [] }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill("SIGKILL");
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script to its end; `onReady` when it prints "ready". */
async function run(
  source: string,
  args: readonly string[],
  env: Record<string, string> = {},
  onReady: (child: ChildProcess) => void = () => undefined,
  before: readonly string[] = [],
): Promise<Ended> {
  const app = join(folder, `app-${children.length}-${Math.floor(performance.now())}.mjs`);
  writeFileSync(app, source);
  const [program, ...words] = [...before, process.execPath, ...args, app];
  const child = spawn(program as string, words, {
    env: {
      PATH: process.env["PATH"] ?? "",
      RETROSCOPE_COLLECTOR: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      RETROSCOPE_SERVICE: "app",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk;
    if (String(chunk).includes("ready")) onReady(child);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  return { code, signal, stdout, stderr };
}

/** Makes a process the first of a container's; only Linux can, and not everywhere. */
const UNSHARE = ["unshare", "-Upf", "--map-root-user"];
const canUnshare = spawnSync("unshare", ["-Upf", "--map-root-user", "true"]).status === 0;

const kinds = (): string[] => events.map((event) => event.kind);
const preload = (): string[] => ["--import", pathToFileURL(register).href];
const RUNNING = "globalThis[Symbol.for('retroscope.agent')]?.agent";

describe("the preload", () => {
  it("starts an agent that ships all it recorded before the process ends by itself", async () => {
    const ended = await run(`${RUNNING}.log("l").set("k", 1); console.log("done");`, preload());
    expect(ended).toMatchObject({ code: 0, stdout: "done\n" });
    expect(ended.stderr).toMatch(
      /^retroscope: node app@\S+ · service app · epoch \d+ · collector http/,
    );
    expect(kinds()[0]).toBe("join");
    expect(kinds()).toContain("set");
    expect(kinds().at(-1)).toBe("leave");
  });

  it("works with --require too, says nothing when quiet, and does nothing when disabled", async () => {
    const source = `console.log(typeof ${RUNNING});`;
    const required = await run(source, ["--require", sdkRequire()], { RETROSCOPE_QUIET: "1" });
    expect(required).toMatchObject({ code: 0, stdout: "object\n", stderr: "" });
    const disabled = await run(source, preload(), { RETROSCOPE_DISABLED: "1" });
    expect(disabled).toMatchObject({ code: 0, stdout: "undefined\n", stderr: "" });
  });

  /** `--require` of a CommonJS file that requires the ES module, as Node does for the package door. */
  function sdkRequire(): string {
    const path = join(folder, "require-register.cjs");
    writeFileSync(path, `require(${JSON.stringify(register)});`);
    return path;
  }

  it("prints a bad setting, and the service goes on without agent", async () => {
    const ended = await run('console.log("up")', preload(), { RETROSCOPE_COLLECTOR: "nowhere" });
    expect(ended).toMatchObject({ code: 0, stdout: "up\n" });
    expect(ended.stderr).toMatch(
      /^retroscope: not started: RETROSCOPE_COLLECTOR "nowhere" is no URL\. Use an address such as [^ ]+:7700\.\n$/,
    );
  });
});

describe("at SIGTERM", () => {
  const STAY = "setInterval(() => undefined, 1000); console.log('ready');";
  const stop = (child: ChildProcess): void => {
    child.kill("SIGTERM");
  };

  it("a service that does not listen ends by the signal, after a flush", async () => {
    const ended = await run(`${RUNNING}.log("l").set("k", 1); ${STAY}`, preload(), {}, stop);
    expect(ended).toMatchObject({ code: null, signal: "SIGTERM" });
    expect(kinds()).toContain("set");
    expect(kinds().at(-1)).toBe("leave");
  });

  it("a service that listens decides itself", async () => {
    const listening = `process.on("SIGTERM", () => { console.log("mine"); process.exit(3); });`;
    const ended = await run(`${listening} ${STAY}`, preload(), {}, stop);
    expect(ended).toMatchObject({ code: 3, stdout: "ready\nmine\n" });
  });

  const graceful: ReadonlyArray<readonly [how: string, listen: string]> = [
    ["once, before the agent", "process.once('SIGTERM', shutDown);"],
    ["once, after it", "setImmediate(() => process.once('SIGTERM', shutDown));"],
    ["before all others", "setImmediate(() => process.prependOnceListener('SIGTERM', shutDown));"],
  ];
  it.each(graceful)(
    "a service that listens %s shuts down in its own time",
    async (_how, listen) => {
      const source = `
      import { startAgent } from ${JSON.stringify(pathToFileURL(sdk).href)};
      const shutDown = () => setTimeout(() => { console.log("done"); process.exit(0); }, 700);
      ${listen.startsWith("process") ? listen : ""}
      startAgent({ quiet: true }).log("l").set("k", 1);
      ${listen.startsWith("process") ? "" : listen}
      setInterval(() => undefined, 1000);
      setTimeout(() => console.log("ready"), 50);
    `;
      const ended = await run(source, [], {}, stop);
      expect(ended).toMatchObject({ code: 0, signal: null, stdout: "ready\ndone\n" });
    },
  );

  it("a library that ends the process only if it listens alone is not held up", async () => {
    const library = `
      const onTerm = () => {
        if (process.listeners("SIGTERM").length > 1) return;
        process.off("SIGTERM", onTerm);
        process.kill(process.pid, "SIGTERM");
      };
      process.on("SIGTERM", onTerm);
    `;
    const ended = await run(`${library} ${STAY}`, preload(), {}, stop);
    expect(ended.signal).toBe("SIGTERM");
  });

  it.skipIf(!canUnshare)("process 1 of a container goes on, and so does its agent", async () => {
    const source = `
      import { startAgent } from ${JSON.stringify(pathToFileURL(sdk).href)};
      const agent = startAgent({ quiet: true });
      process.kill(process.pid, "SIGTERM");
      setTimeout(async () => {
        agent.log("l").set("k", 1);
        await agent.flush();
        console.log(process.pid, agent.health);
        process.exit(0);
      }, 700);
    `;
    const ended = await run(source, [], {}, undefined, UNSHARE);
    expect(ended).toMatchObject({ code: 0, stdout: "1 ok\n" });
    expect(kinds()).toContain("set");
    expect(kinds()).not.toContain("leave");
  });

  it("no process waits long for a collector that never answers", async () => {
    isAnswering = false;
    let sentMs = 0;
    const ended = await run(`${RUNNING}.log("l").set("k", 1); ${STAY}`, preload(), {}, (child) => {
      sentMs = performance.now();
      stop(child);
    });
    expect(ended.signal).toBe("SIGTERM");
    // A bound against hanging for the transport's 10 s; the budget is 500 ms on a quiet machine.
    expect(performance.now() - sentMs).toBeLessThan(5_000);
  });
});

describe("at the end of its work", () => {
  const start = (): string => `
    import { startAgent } from ${JSON.stringify(pathToFileURL(sdk).href)};
    const agent = startAgent({ quiet: true });
  `;

  it("a service that finds more work goes on, recorded in a further epoch", async () => {
    const ended = await run(
      `${start()}
      agent.log("l").set("first", 1);
      let more = 2;
      process.on("beforeExit", () => {
        agent.log("l").set("at once", more);
        if (more-- > 0) setTimeout(() => agent.log("l").set("later", more), 100);
      });`,
      [],
    );
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    const sets = events.flatMap((event) =>
      event.kind === "set" ? [`${event.key} ${event.value}`] : [],
    );
    expect(sets).toEqual(
      expect.arrayContaining([
        "first 1",
        "at once 2",
        "later 1",
        "at once 1",
        "later 0",
        "at once 0",
      ]),
    );
    const joins = kinds().filter((kind) => kind === "join").length;
    expect(joins).toBeGreaterThanOrEqual(2);
    expect(kinds().filter((kind) => kind === "leave")).toHaveLength(joins);
    expect(kinds().at(-1)).toBe("leave");
  });

  it("a service without collector is told of its end once", async () => {
    const listening = 'process.on("beforeExit", () => console.log("idle"));';
    const { stdout } = await run(`${start()} ${listening}`, [], { RETROSCOPE_COLLECTOR: "" });
    expect(stdout).toBe("idle\n");
  });

  it("a service that awaits a flush gets its answer, and the agent is as before", async () => {
    const ended = await run(
      `${start()}
      agent.log("l").set("k", 1);
      console.log(await agent.flush(), agent.health);
      agent.log("l").set("k", 2);`,
      [],
    );
    expect(ended).toMatchObject({ code: 0, stdout: "true ok\n" });
    expect(kinds().filter((kind) => kind === "join")).toHaveLength(1);
    expect(kinds().slice(-2)).toEqual(["set", "leave"]);
  });

  it("a service whose collector takes no connection is not kept for the time of a request", async () => {
    // A stopped process with a full backlog: further connections are never answered.
    const hole = spawn(process.execPath, [
      "-e",
      "require('net').createServer().listen({port:0,host:'127.0.0.1',backlog:1},function(){console.log(this.address().port)})",
    ]);
    children.push(hole);
    const port = Number(String(((await once(hole.stdout, "data")) as [Buffer])[0]));
    hole.kill("SIGSTOP");
    const fillers = Array.from({ length: 8 }, () =>
      connect(port, "127.0.0.1").on("error", () => undefined),
    );
    const beganMs = performance.now();
    const ended = await run(`${start()} agent.log("l").set("k", 1);`, [], {
      RETROSCOPE_COLLECTOR: `http://127.0.0.1:${port}`,
    });
    for (const filler of fillers) filler.destroy();
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    // A bound against waiting for the request's 10 s; on a quiet machine it is 0.8 s.
    expect(performance.now() - beganMs).toBeLessThan(6_000);
  });
});

it("a closed standard error does not end the host", async () => {
  const source = "setTimeout(() => console.log('survived'), 400);";
  const app = join(folder, "closed-stderr.mjs");
  writeFileSync(app, source);
  const command = `sleep 0.2; exec "$0" "$@"`;
  const child = spawn("sh", ["-c", command, process.execPath, ...preload(), app], {
    env: { PATH: process.env["PATH"] ?? "", RETROSCOPE_SERVICE: "app" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  child.stderr.destroy(); // before the agent says its first line
  let stdout = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk;
  });
  const [code] = (await once(child, "close")) as [number | null];
  expect({ code, stdout }).toEqual({ code: 0, stdout: "survived\n" });
});

it("an agent keeps no process alive, not even while a heartbeat is held", async () => {
  const source = `
    import { startAgent } from ${JSON.stringify(pathToFileURL(sdk).href)};
    const agent = startAgent({ quiet: true });
    agent.log("l").set("k", 1);
    await agent.flush();
    await agent.close();
    await agent.close();
    console.log(JSON.stringify(agent.stats()));
  `;
  const { code, stdout } = await run(source, []);
  expect(code).toBe(0);
  const { recorded, acknowledged, queued, dropped } = JSON.parse(stdout) as Record<string, number>;
  expect({ acknowledged, queued, dropped }).toEqual({
    acknowledged: recorded,
    queued: 0,
    dropped: 0,
  });
  expect(events).toHaveLength(recorded ?? -1);
});
