/**
 * What the command line says in words, and what it does with what people type: in this process, from
 * the sources, against a real collector whose clock stands still.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import {
  addMs,
  type Batch,
  formatHlc,
  type Hlc,
  unixMsFromTicks,
} from "../../../agent/kernel/index.ts";
import type { CutJson, DiffJson, VariableHistoryJson } from "../../../collector/api/shapes.ts";
import { aBatch, type Row } from "../../support/batches.ts";
import { NOW, startCollector, type TestCollector } from "../support.ts";
import { cli } from "./support.ts";

const open: TestCollector[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function collectorWith(...batches: readonly Batch[]): Promise<TestCollector> {
  const collector = await startCollector();
  open.push(collector);
  for (const batch of batches) expect((await collector.post(batch)).status).toBe(200);
  return collector;
}

/** So many milliseconds before NOW. */
const ago = (ms: number): Hlc => addMs(NOW, -ms);
const join = (t: Hlc, instance = "i"): Row => ({
  t,
  kind: "join",
  service: "shop",
  tags: {},
  instance,
});
const set = (t: Hlc, value: number, key = "apples"): Row => ({
  t,
  kind: "set",
  log: "stock",
  key,
  value,
});

/** A node killed 50 s ago that came back 48 s ago and is known until now. */
function restarted(node = "r1"): Batch[] {
  return [
    aBatch([join(ago(60_000)), set(ago(59_000), 1)], { node, closed: ago(50_000) }),
    aBatch([join(ago(48_000), "j"), set(ago(47_000), 2)], {
      node,
      epoch: 2,
      closed: addMs(NOW, 500),
    }),
  ];
}

describe("a snapshot says of messages in flight", () => {
  it("that there may be others only while a loss may matter, and where it was", async () => {
    const { url } = await collectorWith(...restarted());
    const at = async (ms: number) => (await cli(url, `snapshot --at ${formatHlc(ago(ms))}`)).out;
    expect(await at(40_000)).toContain(
      "No message in flight is known; there may be others, since events of r1 between 10 s before and 8.0 s before were lost.",
    );
    expect(await at(17_000)).toContain("\nNo message in flight.\n");
    expect(await at(55_000)).toContain("\nNo message in flight.\n");
  });

  it("that there may be others from nodes that lag, by name", async () => {
    const { url } = await collectorWith(
      aBatch([join(ago(5_000))], { node: "a", closed: ago(1_000) }),
    );
    const { out } = await cli(url, "snapshot --at -500ms --wait 0");
    expect(out).toContain("INCOMPLETE: 1 node of 1");
    expect(out).toContain("there may be others, since a may lack events");
  });
});

describe("a snapshot", () => {
  it("names nodes that were not there in one line", async () => {
    const gone = Array.from({ length: 15 }, (_, i) =>
      aBatch([join(ago(60_000)), { t: ago(50_000), kind: "leave" }], { node: `odd-${i}` }),
    );
    const { url } = await collectorWith(...restarted(), ...gone);
    const { out } = await cli(url, "snapshot --at -5s");
    const lines = out.split("\n").filter((line) => line.includes("odd-"));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^15 nodes were not there at that time: odd-0 \(left\), .* and 5 more$/,
    );
    expect(out).toContain("\nr1 (shop, live)\n");
  });

  it("says so where no node was there, and is a no when strict", async () => {
    const empty = await collectorWith();
    expect(await cli(empty.url, "snapshot")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/No node was there at that time: no agent has shipped/),
    });
    expect((await cli(empty.url, "snapshot --strict")).code).toBe(1);
    const { url } = await collectorWith(
      aBatch([join(ago(60_000)), { t: ago(50_000), kind: "leave" }], { node: "gone" }),
    );
    const { out } = await cli(url, "snapshot --at -5s");
    expect(out).toMatch(/\nNo node was there at that time\.\n\n1 node was not there/);
    expect(out).not.toMatch(/Complete|Consistent|in flight/);
  });

  it("says first that a time lies in the future", async () => {
    const { url } = await collectorWith(...restarted());
    const { out } = await cli(url, "snapshot --at +3h");
    expect(out.split("\n")[1]).toMatch(/^THE FUTURE: that is 3\.0 h from now\./);
    expect((await cli(url, "snapshot --at now")).out).not.toContain("FUTURE");
  });

  it("names channels without stamps last and without a count that runs on", async () => {
    const status = { unstamped: [{ peer: "10.0.0.9", direction: "in", count: 4_711 }] };
    const { url } = await collectorWith(
      aBatch([join(ago(5_000))], { node: "gate", closed: NOW, status }),
    );
    const { out } = await cli(url, "snapshot --at -1s");
    expect(out.trimEnd().split("\n").at(-1)).toBe(
      "Not checked, for want of stamps on the messages: 10.0.0.9 -> gate.",
    );
    expect(out).not.toContain("4,711");
  });

  it("is of now unless told otherwise, and waits a moment for nodes to come so far", async () => {
    const { url, post } = await collectorWith(aBatch([join(ago(5_000))], { closed: ago(100) }));
    const beat = aBatch([], { firstSeq: 2, closed: NOW });
    for (const line of ["snapshot", "snapshot --at now", "diff -5s now"]) {
      const told = cli(url, `${line} --wait 0 --json`);
      expect([line, (JSON.parse((await told).out) as CutJson).complete]).toEqual([line, false]);
    }
    const waiting = [cli(url, "snapshot --json"), cli(url, "diff -5s now --json")];
    await new Promise((resolve) => setTimeout(resolve, 300));
    await post(beat);
    const [cut, diff] = (await Promise.all(waiting)).map(({ out }) => JSON.parse(out)) as [
      CutJson,
      DiffJson,
    ];
    expect([cut.complete, cut.at.hlc]).toEqual([true, formatHlc(NOW)]);
    expect([diff.complete, diff.from.hlc]).toEqual([true, formatHlc(ago(5_000))]);
  });

  it("tells a variable that nobody has from one that is not there now", async () => {
    const { url } = await collectorWith(...restarted());
    const { code, err } = await cli(url, "snapshot --at -5s --key appels");
    expect([code, err]).toEqual([
      0,
      'Note: no variable is named "appels" now. There are apples.\n',
    ]);
    expect((await cli(url, "diff -50s -5s --key nope")).err).toContain('"nope"');
    expect((await cli(url, "snapshot --at -48s --key apples")).err).toBe("");
  });
});

describe("history", () => {
  it("refuses a variable that never was, like a log that never was", async () => {
    const { url } = await collectorWith(...restarted());
    expect(await cli(url, "history r1 stock nope")).toEqual({
      code: 2,
      out: "",
      err: 'retroscope: unknown variable "nope"\n  r1 never had it in stock; known: apples\n',
    });
    expect((await cli(url, "history r1 stok apples")).code).toBe(2);
    expect((await cli(url, "history r2 stock apples")).code).toBe(2);
    // Before it was written first it had no value, and is known all the same.
    const early = await cli(url, `history r1 stock apples --to ${formatHlc(ago(59_500))}`);
    expect([early.code, early.out]).toEqual([0, "The variable had no value in this range.\n"]);
  });
});

describe("history", () => {
  it("says that a process ended or began anew where its variables went with it", async () => {
    const [first, second] = restarted() as [Batch, Batch];
    const leaves = aBatch(
      [
        join(ago(60_000)),
        set(ago(59_000), 1),
        { t: ago(58_000), kind: "delete", log: "stock", key: "apples" },
        set(ago(57_000), 3),
        { t: ago(56_000), kind: "leave" },
      ],
      { node: "r2" },
    );
    const { url } = await collectorWith(first, second, leaves);
    const values = async (node: string) =>
      (await cli(url, `history ${node} stock apples`)).out
        .trimEnd()
        .split("\n")
        .map((line) => line.split("  ").at(-1));
    expect(await values("r1")).toEqual(["1", "(restarted)", "2"]);
    expect(await values("r2")).toEqual(["1", "(deleted)", "3", "(process left)"]);
    const { out } = await cli(url, `step --from ${formatHlc(ago(48_001))}`);
    expect(out).toMatch(/r1 +join\n/);
    expect(out).not.toContain("(none) -> (none)");
  });

  it("gives the last values with --tail, as many as the whole would end with", async () => {
    const rows = Array.from({ length: 50 }, (_, i) => set(ago(50_000 - i * 10), i));
    const { url } = await collectorWith(aBatch([join(ago(60_000)), ...rows], { closed: NOW }));
    const ask = async (words: string) =>
      (
        JSON.parse(
          (await cli(url, `history n1 stock apples --json ${words}`)).out,
        ) as VariableHistoryJson
      ).values.map(({ value }) => value);
    const all = await ask("");
    expect(all).toHaveLength(50);
    for (const count of [1, 3, 50, 70]) {
      expect(await ask(`--tail ${count}`)).toEqual(all.slice(-count));
    }
    expect(await ask(`--tail 3 --to ${formatHlc(ago(49_800))}`)).toEqual([18, 19, 20]);
    expect(await ask(`--tail 3 --from ${formatHlc(ago(49_520))}`)).toEqual([48, 49]);
    expect((await cli(url, "history n1 stock apples --limit 10")).out).toMatch(/with --tail/);
  });
});

describe("events", () => {
  it("name the range in which there is none", async () => {
    const { url } = await collectorWith(aBatch([join(ago(300_000))], { closed: NOW }));
    const { out } = await cli(url, "events --node n1");
    expect(out).toMatch(/^No such event from -60s \(the default\) to now\./);
  });
});

describe("nodes", () => {
  it("say of a fast clock that it is fast", async () => {
    const { url } = await collectorWith(
      aBatch([join(ago(5_000)), set(addMs(NOW, 200), 1)], { closed: addMs(NOW, 208) }),
    );
    const { out } = await cli(url, "nodes");
    expect(out).toMatch(/ to {3}\S+ \(now: stamps run 200 ms ahead\)/);
    expect(out).toContain("known until now, its stamps 208 ms ahead");
  });
});

describe("what is typed wrongly is answered with what was meant:", () => {
  const seconds = Math.floor(unixMsFromTicks(NOW) / 1_000);
  it.each<[words: string, code: number, says: RegExp]>([
    [
      "snapshot --at 12:23:40",
      2,
      /a clock time without a date: "12:23:40"\n.*2026-11-21T12:23:40Z/,
    ],
    ["step --from 9:05", 2, /clock time.*\n.*T09:05Z/],
    ["history n1 stock apples --from 9:05", 2, /clock time/],
    ["snapshot --wait 2", 2, /--wait 2 has no unit\n.*2s or 2ms/],
    ["diff -5s now --wait 2", 2, /no unit/],
    ["snapshot --wait 99h", 2, /--wait 99h is too long\n.*60s/],
    ["snapshot --at 5s", 2, /--at: not a time: "5s"\n.*-5s/],
    ["latency --window 3", 2, /--window 3 has no unit\n/],
    ["bottlenecks --min-ms -3", 2, /--min-ms is no whole number in range: -3\n/],
    ["history n1 stock", 2, /missing required argument 'key'\n.*history <node> <log> <key>/],
    ["import jsonl", 2, /missing required argument 'file'\n.*import <format> <file>/],
    ["demo --duration 20", 2, /--duration 20 has no unit/],
    ["snapshot -5s", 2, /too many arguments.*\n.*--at -5s/],
    ["snapshot --at -5", 2, /\n.*has a unit: -5s/],
    [`snapshot --at ${seconds}`, 3, new RegExp(`\\n.*read as Unix milliseconds.*${seconds}000`)],
  ])("retroscope %s", async (words, code, says) => {
    const { url } = await collectorWith(...restarted());
    const ended = await cli(url, words);
    expect([ended.code, ended.err]).toEqual([code, expect.stringMatching(says)]);
    expect(ended.err.trimEnd().split("\n")).toHaveLength(2);
  });

  it.each(["api", "v1"])("an address of a collector that ends in /%s", async (ending) => {
    const { url } = await collectorWith();
    const { code, err } = await cli(`${url}/${ending}/`, "nodes");
    expect(code).toBe(2);
    expect(err).toContain(`Leave /${ending} out: --url ${url}\n`);
  });

  it("https to a collector, which speaks http", async () => {
    const { url } = await collectorWith();
    const { code, err } = await cli(url.replace("http:", "https:"), "nodes");
    expect(code).toBe(3);
    expect(err).toMatch(/does not speak https\n/);
    expect(err).toContain(`--url ${url}\n`);
    expect(err.trimEnd().split("\n")).toHaveLength(2);
  });

  it("the address of something else", async () => {
    const server = createServer((_request, response) => {
      response.writeHead(404, { "content-type": "text/html; charset=utf-8" }).end("<html>");
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const { code, err } = await cli(`http://127.0.0.1:${port}`, "nodes");
    server.closeAllConnections();
    server.close();
    expect(code).toBe(3);
    expect(err).toMatch(/is not a collector \(status 404, text\/html\)\n.*proxy/);
  });
});

describe("import", () => {
  const line = (ms: number, value: number) =>
    JSON.stringify({
      node: "x",
      t: unixMsFromTicks(ago(ms)),
      kind: "set",
      log: "l",
      key: "k",
      value,
    });
  const bad = `${line(3_000, 1)}\nnot json\n${line(1_000, 2)}\n`;

  it("tells with --dry-run what is wrong, and stores nothing", async () => {
    const { url, get } = await collectorWith();
    const { code, out, err } = await cli(url, "import jsonl - --dry-run", bad);
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/nothing stored.*\n {2}line 2 {2}not JSON/),
    ]);
    expect(err).toMatch(/1 line cannot be read; nothing was stored/);
    expect((await get<{ nodes: unknown[] }>("/api/nodes")).body.nodes).toEqual([]);
    expect((await cli("http://127.0.0.1:1", "import jsonl - --dry-run", line(1, 1))).code).toBe(0);
  });

  it("exits with 1 where lines were left out, and warns when the mended file comes on top", async () => {
    const { url } = await collectorWith();
    const first = await cli(url, "import jsonl -", bad);
    expect([first.code, first.err]).toEqual([
      1,
      expect.stringMatching(/1 line could not be read; all others are stored\n.*empty collector/),
    ]);
    const again = await cli(url, "import jsonl -", bad);
    expect([again.code, again.out]).toEqual([1, expect.stringContaining("0 events stored")]);
    expect(again.err).not.toContain("Note");
    const mended = await cli(url, "import jsonl -", bad.replace("not json", line(2_000, 9)));
    expect([mended.code, mended.err]).toEqual([
      0,
      "Note: another import tells the same time of x; its history now holds both.\n",
    ]);
    const later = await cli(url, "import jsonl -", `${line(500, 1).replace('"x"', '"y"')}\n`);
    expect([later.code, later.err]).toEqual([0, ""]);
  });
});
