/** The format as README.md of collector/interop tells it: every example line is imported and asked for. */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import type { CutJson, EventsJson } from "../../../collector/api/shapes.ts";
import { CollectorClient } from "../../../collector/cli/client.ts";
import { doorTo } from "../../../collector/cli/door.ts";
import { importJsonl } from "../../../collector/interop/import-jsonl.ts";
import { startCollector, type TestCollector } from "../support.ts";

const readme = readFileSync(
  new URL("../../../collector/interop/README.md", import.meta.url),
  "utf8",
);
const examples = [...readme.matchAll(/^```jsonl\n(.*?)^```$/gms)].map(
  (match) => match[1] as string,
);
const [system, times, kinds] = examples as [string, string, string];
const at = (ms: number) => new Date(Date.UTC(2026, 10, 21, 16) + ms).toISOString();

const open: TestCollector[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function importedExample(text: string): Promise<TestCollector> {
  const collector = await startCollector();
  open.push(collector);
  const report = await importJsonl({
    door: doorTo(new CollectorClient(collector.url)),
    name: "the example",
    bytes: (async function* () {
      yield Buffer.from(text);
    })(),
  });
  expect(report).toMatchObject({ skipped: [], repeats: 0, stored: report.events });
  return collector;
}

async function cut(collector: TestCollector, ms: number): Promise<CutJson> {
  return (await collector.get<CutJson>(`/api/cut?at=${at(ms)}`)).body;
}

describe("the examples of event lines", () => {
  it("are three", () => {
    expect(examples).toHaveLength(3);
  });

  it("make a small system whose message is in flight before it is received", async () => {
    const collector = await importedExample(system);
    const before = await cut(collector, 25);
    expect(before).toMatchObject({ complete: true, consistent: true, inFlight: [{ id: "m17" }] });
    expect(before.nodes["n2"]?.logs).toEqual({});
    const after = await cut(collector, 40);
    expect(after).toMatchObject({ complete: true, inFlight: [] });
    expect(after.nodes["n2"]?.logs).toEqual({ stock: { apples: 12 } });
    expect((await cut(collector, 55)).members).toEqual(["n2"]);
  });

  it("say the same stretch of time in every form of t", async () => {
    const collector = await importedExample(times);
    const { body } = await collector.get<EventsJson>("/api/events?kind=mark");
    expect(body.events.map(({ t }) => t.time.slice(11))).toEqual([
      "16:00:00.000250Z",
      "16:00:00.001500Z",
      expect.stringMatching(/^16:00:00.002/),
      "16:00:00.003000Z",
    ]);
  });

  it("hold every kind of line, and every kind says what the text says", async () => {
    const told = new Set(
      kinds
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { kind: string }).kind),
    );
    const table = /### Kinds\n\n(.*?)\n\n/s.exec(readme)?.[1] ?? "";
    const named = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap((row) =>
      [...(row[1] as string).matchAll(/`(\w+)`/g)].map((name) => name[1] as string),
    );
    expect([...told].sort()).toEqual([...named].sort());

    const collector = await importedExample(kinds);
    const ring = async (ms: number) => (await cut(collector, ms)).nodes["n1"]?.logs["ring"];
    expect(await ring(3)).toEqual({ members: { $set: ["n1", "n2"] } });
    expect(await ring(5)).toEqual({ members: { $set: ["n1", "n3"] } });
    expect(await ring(8)).toEqual({ leader: "n1", members: { $set: ["n1"] } });
    const carts = (await cut(collector, 7)).nodes["n1"]?.logs["cart"];
    expect(carts).toEqual({ price: { $literal: { $eur: 3 } }, text: "the first 8 KiB of" });
    expect((await cut(collector, 11)).inFlight.map(({ id }) => id)).toEqual(["m1"]);
    expect((await cut(collector, 20)).complete).toBe(true);
    expect(await cut(collector, 65)).toMatchObject({
      complete: false,
      incomplete: [{ node: "n1", reason: "lost", events: 120, logs: ["cart"] }],
    });
    const { body } = await collector.get<EventsJson>("/api/events?kind=request");
    expect(body.events).toMatchObject([{ node: "n2", residenceUs: 5_200, outcome: "ok" }]);
  });
});
