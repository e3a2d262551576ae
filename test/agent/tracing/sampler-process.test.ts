/** The sampler's thread beside a real process: what it sees of it, and that it never outlives it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type BundledAgent, bundleAgent } from "../../support/bundled-agent.ts";

/** A process of these tests takes two seconds; one that hangs is ended. */
const MOST_MS = 40_000;

let bundled: BundledAgent;
beforeAll(async () => {
  bundled = await bundleAgent();
}, 60_000);
afterAll(() => bundled?.remove());

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill("SIGKILL");
});

async function run(body: string): Promise<{ readonly code: number | null; readonly text: string }> {
  const script = `
    import { decodeLoad, decodeResources, MemoryTransport, startAgent } from ${JSON.stringify(bundled.url)};
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
  const hung = setTimeout(() => child.kill("SIGKILL"), MOST_MS);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(hung);
  return { code, text };
}

it("ends with the process and never keeps it alive", async () => {
  const { code, text } = await run("await wait(300); console.log('through');");
  expect(text).toContain("through");
  expect(text).not.toContain("no resource samples");
  expect(code).toBe(0);
}, 60_000);

it("sees a loop that is blocked for 150 ms while it is, with the process's own figures", async () => {
  const { code, text } = await run(`
    import { channel } from "node:diagnostics_channel";
    import { EventEmitter } from "node:events";
    const response = Object.assign(new EventEmitter(), { statusCode: 200, req: {}, getHeader() {} });
    let all = [];
    let gap;
    const inside = ([at]) => gap && at > gap.at + 10_000 && at < gap.at + gap.lengthUs;
    const samples = (name) => all.flatMap((block) => block.signals
      .filter((signal) => signal.name === name)
      .flatMap(({ atUs, values }) => atUs.map((at, i) => [block.second * 1e6 + at, values[i]])));
    const until = async (isSo) => {
      for (const end = performance.now() + 10_000; performance.now() < end && !isSo(); ) await wait(50);
    };
    const look = () => { all = blocks("resource", decodeResources); };
    // The thread takes its time to start on a busy machine.
    await until(() => (look(), samples("heartbeat").length > 0));
    channel("http.server.request.start").publish({ request: {}, response });
    // Nor does such a machine always let both threads run: then the next stall is looked at.
    for (let i = 0; i < 5 && samples("in-flight").filter(inside).length <= 3; i += 1) {
      const from = performance.timeOrigin + performance.now();
      for (const end = performance.now() + 150; performance.now() < end; );
      gap = undefined;
      await until(() => {
        look();
        gap = all.flatMap((block) => block.gaps.map((one) => ({ ...one, at: block.second * 1e6 + one.startUs })))
          .filter(({ at }) => at / 1e3 > from - 50)
          .sort((a, b) => b.lengthUs - a.lengthUs)[0];
        return gap !== undefined;
      });
      await wait(1_200);
      look();
    }
    await agent.close();
    look();
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
}, 60_000);
