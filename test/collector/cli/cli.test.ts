/**
 * The command line as a process: the built binary against a real collector of the same build. What a
 * person types, what stands on which stream, and the exit code.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CutJson } from "../../../collector/api/shapes.ts";

const main = fileURLToPath(new URL("../../../dist/collector/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "retroscope-cli-"));
const collectors: ChildProcess[] = [];
let url = "";

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function retroscope(...words: string[]): Promise<Ended> {
  return run(words);
}

function run(
  words: readonly string[],
  options: { url?: string; input?: string } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...words], {
    cwd: folder,
    env: { ...process.env, RETROSCOPE_URL: options.url ?? url },
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  child.stdin.end(options.input ?? "");
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, out, err })));
}

/** Starts a collector; resolves to its address once it says that it listens. */
function startCollector(
  data: string,
): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const words = [main, "collector", "--port", "0", "--data", data];
  const child = spawn(process.execPath, words, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  collectors.push(child);
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the collector ended with ${code}`)));
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const found = /open (http:\S+)/.exec(text);
      if (found) resolve({ url: found[1] as string, child });
    });
  });
}

const START = Date.now() - 60_000;
const t = (ms: number): number => START + ms;
const lines = [
  { node: "n1", service: "shop", t: t(0), kind: "join" },
  { node: "n1", t: t(10), kind: "set", log: "stock", key: "apples", value: 12 },
  { node: "n1", t: t(20), kind: "send", id: "m1", to: "n2" },
  { node: "n2", service: "ring", t: t(5), kind: "join" },
  { node: "n2", t: t(40), kind: "receive", id: "m1", from: "n1" },
  { node: "n2", t: t(50), kind: "set", log: "stock", key: "apples", value: "\u001b[31mred\u009b" },
  { node: "n1", t: t(60), kind: "set", log: "stock", key: "apples", value: 11 },
  { node: "n1", t: t(100), kind: "closed" },
  { node: "n2", t: t(90), kind: "closed" },
];
const file = join(folder, "history.jsonl");

beforeAll(async () => {
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  ({ url } = await startCollector(join(folder, "data")));
  const { code, out, err } = await retroscope("import", "jsonl", file);
  expect([code, err]).toEqual([0, ""]);
  expect(out).toMatch(/9 lines, 2 nodes, 7 events, 1 message; all stored/);
}, 30_000);

afterAll(async () => {
  for (const child of collectors) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

describe("retroscope snapshot", () => {
  it("prints whether it can be trusted first, then the state, then what is in flight", async () => {
    const { code, out } = await retroscope("snapshot", "--at", String(t(30)));
    expect(code).toBe(0);
    const places = ["Snapshot at", "Complete", "Consistent", "n1 (shop", "apples  12", "in flight"];
    const found = places.map((text) => out.indexOf(text));
    expect(found).toEqual([...found].sort((a, b) => a - b));
    expect(found).not.toContain(-1);
    expect(out).toMatch(/n1 -> n2 {2}sent 10 ms before {2}m1/);
    expect(out).toMatch(/\([\d.]+ (s|min) ago\)/);
  });

  it("prints JSON and nothing else with --json", async () => {
    const { code, out, err } = await retroscope("snapshot", "--at", String(t(30)), "--json");
    const cut = JSON.parse(out) as CutJson;
    expect([code, err, cut.complete]).toEqual([0, "", true]);
    expect(cut.nodes["n1"]?.logs).toEqual({ stock: { apples: 12 } });
  });

  it("exits with 1 when told to be strict and something is missing", async () => {
    const words = ["snapshot", "--at", String(t(95)), "--strict", "--node", "n1", "--node", "n2"];
    const { code, out, err } = await retroscope(...words);
    expect(code).toBe(1);
    expect(out).toMatch(/INCOMPLETE: 1 node of 2 may lack events\.\n {2}n2 {2}lagging/);
    expect(err.trimEnd().split("\n")).toHaveLength(2);
    expect((await retroscope(...words.filter((word) => word !== "--strict"))).code).toBe(0);
  });

  it("lets no value command the terminal", async () => {
    const { out } = await retroscope("snapshot", "--at", String(t(70)), "--node", "n2");
    expect(out).toContain('"\\u001b[31mred\ufffd"');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    expect(out).not.toMatch(/[\u001b\u0080-\u009f]/);
  });
});

describe("the other questions", () => {
  it("take relative times as typed", async () => {
    for (const words of [
      ["snapshot", "--at", "-50s"],
      ["diff", "-50s", "-1s"],
      ["diff", "--json", "-50s", "-1s"],
      ["step", "--from", "-1s", "--prev"],
      ["events", "--from", "-2m", "--to", "-1s"],
    ]) {
      const { code, err } = await retroscope(...words);
      expect([words, code, err]).toEqual([words, 0, ""]);
    }
  });

  it("print what changed", async () => {
    const { out } = await retroscope("diff", String(t(30)), String(t(80)));
    expect(out).toMatch(/~ {2}n1 {2}stock {2}apples {2}12 -> 11/);
    expect(out).toMatch(/\+ {2}n2 {2}stock {2}apples {2}\(none\) -> /);
    const step = await retroscope("step", "--from", String(t(30)), "--node", "n1");
    expect(step.out).toMatch(/n1 {2}stock {2}apples {2}set {2}12 -> 11/);
    const history = await retroscope("history", "n1", "stock", "apples");
    expect(
      history.out
        .trimEnd()
        .split("\n")
        .map((line) => line.split("  ").at(-1)),
    ).toEqual(["12", "11"]);
  });

  it("print what is recorded", async () => {
    const events = await retroscope("events", "--from", String(t(0)), "--kind", "send", "--json");
    expect(JSON.parse(events.out).events).toMatchObject([{ node: "n1", kind: "send", id: "m1" }]);
    const nodes = await retroscope("nodes");
    expect(nodes.out).toMatch(/n1 {2}shop {2}imported {2}known until .* ago {2}4 events/);
  });
});

describe("import and export", () => {
  it("store nothing new the second time, from a file or standard input", async () => {
    const again = await retroscope("import", "jsonl", file);
    expect(again.out).toMatch(/0 events stored, 7 events known already/);
    const piped = await run(["import", "jsonl", "-"], { input: readFileSync(file, "utf8") });
    expect(piped.out).toMatch(/0 events stored/);
  });

  it("carry history to another collector", async () => {
    const output = join(folder, "export.jsonl");
    const written = await retroscope("export", "jsonl", "-o", output);
    expect([written.code, written.out]).toEqual([0, ""]);
    const other = await startCollector(join(folder, "other"));
    const { out } = await run(["import", "jsonl", output], { url: other.url });
    expect(out).toMatch(/all stored/);
    const words = ["snapshot", "--at", String(t(70)), "--json"];
    const [one, two] = [await retroscope(...words), await run(words, { url: other.url })];
    expect(JSON.parse(two.out).nodes).toEqual(JSON.parse(one.out).nodes);
    const streamed = await retroscope("export", "jsonl");
    expect(streamed.out).toBe(readFileSync(output, "utf8"));
  });

  it("name the lines that cannot be read", async () => {
    const bad = join(folder, "bad.jsonl");
    writeFileSync(bad, `{"node":"x","t":${t(0)},"kind":"mark","text":"hi"}\nnot json\n`);
    const { code, out } = await retroscope("import", "jsonl", bad);
    expect(code).toBe(1);
    expect(out).toMatch(/1 line could not be read:\n {2}line 2 {2}not JSON/);
  });
});

describe("what cannot be done is said in two lines, with a code:", () => {
  const cases: ReadonlyArray<readonly [words: string, code: number, says: RegExp]> = [
    ["", 2, /no command/],
    ["snapshoot", 2, /unknown command 'snapshoot'\n.*snapshot/],
    ["snap", 2, /unknown command 'snap'\n.*Did you mean snapshot\?/],
    ["e", 2, /unknown command 'e'\n.*Did you mean events, explain or export\?/],
    ["snapshot -5s", 2, /too many arguments.*\n.*--at -5s/],
    ["snapshot --att now", 2, /unknown option '--att'\n.*--at/],
    ["snapshot --at noon", 2, / --at: not a time: "noon"\n.*ISO 8601/],
    ["snapshot --at 16:00", 2, / --at: a clock time without a date: "16:00"\n/],
    ["diff noon now", 2, / from: not a time: "noon"\n/],
    ["snapshot --at 2026-11-21T15:00:00", 2, / --at: a time without a zone: .*\n.*15:00:00Z \(UTC/],
    ["snapshot --at now --at now", 2, /--at is given twice/],
    ["snapshot --at now --wait soon", 2, /not a duration/],
    ["snapshot --at now --node n9", 2, /n9.*\n.*n1, n2/],
    ["snapshot --at now --log stok", 2, /stok.*\n.*stock/],
    ["snapshot --at 2000-01-01T00:00:00Z", 3, /history begins at.*\n.*or later/],
    ["snapshot --at now extra", 2, /too many arguments/],
    ["diff -1s", 2, /missing required argument 'to'/],
    ["diff -1s -5s", 2, /from is later than to/],
    ["step --from now --count x", 2, /--count/],
    ["import csv x", 2, /unknown format "csv"/],
    ["import jsonl nowhere.jsonl", 2, /cannot read nowhere.jsonl: ENOENT.*\n.*standard input/],
    ["query @nowhere.rql", 2, /cannot read nowhere.rql: ENOENT.*\n.*after the @/],
    ["import jsonl -", 0, /^$/],
    ["export jsonl --from -1s --to -5s", 2, /--from is later/],
    ["export jsonl -o nowhere/x", 3, /cannot write nowhere\/x/],
    ["nodes --url ftp://x", 2, /not the address of a collector/],
    ["nodes --url http://127.0.0.1:1", 3, /cannot reach a collector.*\n.*retroscope collector/],
    ["collector --host 0.0.0.0", 2, /loopback.*\n.*later version/],
    ["collector --port 70000", 2, /--port is no port/],
    ["demo --duration soon", 2, /not a duration/],
    ["demo --stalls --duration 2s", 2, /--duration of at least 10s\n.*--duration 10s/],
    ["demo --stalls --duration 9999ms", 2, /--duration of at least 10s\n/],
  ];
  it.each(cases)("retroscope %s", async (words, code, says) => {
    const ended = await retroscope(...words.split(" ").filter((word) => word !== ""));
    expect([ended.code, ended.err]).toEqual([code, expect.stringMatching(says)]);
    expect(ended.err.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
  });

  it("a port in use", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const { code, err } = await retroscope("collector", "--port", String(port), "--data", "p");
    server.close();
    expect([code, err]).toEqual([3, expect.stringMatching(/port \d+ of 127.0.0.1 is in use\n/)]);
  });

  it("a second collector on the same data", async () => {
    const words = ["collector", "--port", "0", "--data", join(folder, "data")];
    const { code, err } = await retroscope(...words);
    expect([code, err]).toEqual([3, expect.stringMatching(/is in use by process \d+\n/)]);
  });

  it("a data directory that is none", async () => {
    writeFileSync(join(folder, "plain-file"), "");
    const { code, err } = await retroscope("collector", "--port", "0", "--data", "plain-file");
    expect([code, err]).toEqual([3, expect.stringMatching(/plain-file/)]);
    expect(err.trimEnd().split("\n")).toHaveLength(2);
  });
});

describe("help", () => {
  it.each([
    "collector",
    "snapshot",
    "diff",
    "step",
    "history",
    "events",
    "nodes",
    "import",
    "export",
    "demo",
  ])("of %s names every option and gives an example", async (name) => {
    const { code, out, err } = await retroscope(name, "--help");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(new RegExp(`^Usage: retroscope ${name}`));
    expect(out).toMatch(new RegExp(`\nExample: retroscope ${name}`));
  });

  it("of all lists the commands", async () => {
    const { out } = await retroscope("--help");
    for (const name of ["collector", "snapshot", "demo"]) expect(out).toContain(`  ${name} `);
    expect((await retroscope("--version")).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("a collector", () => {
  it("keeps its history over a stop and over a kill, and stops within seconds", async () => {
    const data = join(folder, "kept");
    mkdirSync(data);
    for (const signal of ["SIGTERM", "SIGKILL", "SIGINT"] as const) {
      const { url: own, child } = await startCollector(data);
      await run(["import", "jsonl", file], { url: own });
      const { out } = await run(["snapshot", "--at", String(t(70)), "--json"], { url: own });
      expect(JSON.parse(out).nodes.n1.logs).toEqual({ stock: { apples: 11 } });
      const ended = new Promise((resolve) => child.once("close", resolve));
      child.kill(signal);
      expect(await ended).toBe(signal === "SIGKILL" ? null : 0);
    }
  }, 30_000);
});
