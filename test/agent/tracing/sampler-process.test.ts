/** The sampler's thread beside a real process: what it sees of it, and that it never outlives it. Uses the build. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, it } from "vitest";

const DOOR = new URL("../../../dist/agent/index.js", import.meta.url).href;
const TESTING = new URL("../../../dist/agent/testing.js", import.meta.url).href;
const KERNEL = new URL("../../../dist/agent/kernel/index.js", import.meta.url).href;

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill("SIGKILL");
});

async function run(body: string): Promise<{ readonly code: number | null; readonly text: string }> {
  const script = `
    import { startAgent } from ${JSON.stringify(DOOR)};
    import { MemoryTransport } from ${JSON.stringify(TESTING)};
    import { decodeLoad, decodeResources } from ${JSON.stringify(KERNEL)};
    const transport = new MemoryTransport();
    const agent = startAgent({ service: "x", hooks: "none", requests: true, transport });
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const blocks = (stream, decode) => transport.batches
      .flatMap((batch) => batch.sideBlocks ?? [])
      .filter((block) => block.stream === stream)
      .map((block) => ({ ...decode(block.bytes), second: block.second, part: block.part }));
    ${body}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
  children.push(child);
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  child.stderr.on("data", (chunk) => (text += chunk));
  const [code] = (await once(child, "exit")) as [number | null];
  return { code, text };
}

it("ends with the process and never keeps it alive", async () => {
  const { code, text } = await run("await wait(300); console.log('through');");
  expect(text).toContain("through");
  expect(text).not.toContain("no resource samples");
  expect(code).toBe(0);
});

it("sees a loop that is blocked for 150 ms while it is, with the process's own figures", async () => {
  const { code, text } = await run(`
    import { channel } from "node:diagnostics_channel";
    import { EventEmitter } from "node:events";
    const response = Object.assign(new EventEmitter(), { statusCode: 200, req: {}, getHeader() {} });
    await wait(700);
    channel("http.server.request.start").publish({ request: {}, response });
    for (const end = performance.now() + 150; performance.now() < end; );
    await wait(1_600);
    await agent.close();
    const all = blocks("resource", decodeResources);
    const samples = (name) => all.flatMap((block) => block.signals
      .filter((signal) => signal.name === name)
      .flatMap(({ atUs, values }) => atUs.map((at, i) => [block.second * 1e6 + at, values[i]])));
    const gap = all.flatMap((block) => block.gaps.map((gap) => ({ ...gap, at: block.second * 1e6 + gap.startUs })))
      .sort((a, b) => b.lengthUs - a.lengthUs)[0];
    const inside = ([at]) => gap && at > gap.at + 10_000 && at < gap.at + gap.lengthUs;
    const names = new Set(all.flatMap(({ signals }) => signals.map(({ name }) => name)));
    const parts = all.map(({ second, part }) => second + "/" + part);
    console.log("RESULT" + JSON.stringify({
      gap, names: [...names], unavailable: all[0]?.unavailable, isDisjoint: new Set(parts).size === parts.length,
      inFlight: samples("in-flight").filter(inside).map(([, value]) => value),
      oldest: Math.max(0, ...samples("oldest-open").filter(inside).map(([, value]) => value)),
      load: blocks("load", (bytes) => ({ cells: decodeLoad(bytes) })).flatMap(({ cells }) => cells)
        .reduce((sum, cell) => sum + cell.inFlightUs, 0),
    }));`);
  expect(code, text).toBe(0);
  const seen = JSON.parse(text.slice(text.indexOf("RESULT") + 6)) as {
    readonly gap: { readonly lengthUs: number };
    readonly names: string[];
    readonly unavailable: string[];
    readonly inFlight: number[];
    readonly oldest: number;
    readonly load: number;
    readonly isDisjoint: boolean;
  };
  expect(seen.gap.lengthUs).toBeGreaterThan(140_000);
  expect(seen.inFlight.length).toBeGreaterThan(3); // some 27, where the machine gives both threads their turn
  expect(seen.inFlight.every((count) => count === 1)).toBe(true);
  expect(seen.oldest).toBeGreaterThan(50_000);
  expect(seen.load).toBeGreaterThan(150_000);
  expect(seen.isDisjoint).toBe(true);
  expect(seen.names).toEqual(expect.arrayContaining(["heartbeat", "in-flight", "oldest-open"]));
  // Each signal is there or is said not to be.
  const linux = ["run", "run-queue", "state", "psi-cpu", "cgroup-throttled", "disk", "dirty"];
  for (const name of linux) {
    expect(seen.names.includes(name) !== seen.unavailable.includes(name), name).toBe(true);
  }
});
