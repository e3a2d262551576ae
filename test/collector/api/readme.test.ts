/** The table of routes in collector/api/README.md is what the collector takes: no more, no less. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addMs, formatHlc } from "../../../agent/kernel/index.ts";
import { API_PATHS } from "../../../collector/api/app.ts";
import { aBatch } from "../../support/batches.ts";
import { NOW, startCollector, type TestCollector } from "../support.ts";

const readme = readFileSync(new URL("../../../collector/api/README.md", import.meta.url), "utf8");
const routes = [...readme.matchAll(/^\| `GET (\/api\/\w+)` \| (.*?) \|/gm)].map((row) => {
  const [, path = "", cell = ""] = row;
  const names = [...cell.matchAll(/(\*\*)?`(\w+)`/g)];
  return {
    path,
    all: names.map(([, , name]) => name as string),
    needed: names.filter(([, bold]) => bold !== undefined).map(([, , name]) => name as string),
  };
});
const START = addMs(NOW, -1_000);
const SOME: Readonly<Record<string, string>> = {
  at: formatHlc(NOW),
  from: formatHlc(START),
  to: formatHlc(NOW),
  node: "n1",
  service: "shop",
  log: "stock",
  key: "apples",
  wait: "1ms",
  strict: "false",
  all: "true",
  direction: "prev",
  count: "2",
  limit: "5",
  pixels: "100",
  kind: "set",
  ranges: "all",
  window: "50ms",
  cells: "8",
  operation: "GET /",
  minMs: "10",
};

let collector: TestCollector;
beforeAll(async () => {
  collector = await startCollector();
  const join = { t: START, kind: "join", service: "shop", tags: {}, instance: "i" } as const;
  const set = { t: addMs(START, 1), kind: "set", log: "stock", key: "apples", value: 1 } as const;
  expect((await collector.post(aBatch([join, set], { closed: NOW }))).status).toBe(200);
});
afterAll(() => collector.close());

const ask = (path: string, names: readonly string[]) => {
  const search = names.map((name) => `${name}=${encodeURIComponent(SOME[name] ?? "?")}`);
  return collector.get<{ error?: { code: string; message: string; accepted?: string[] } }>(
    `${path}?${search.join("&")}`,
  );
};

describe("the table of routes", () => {
  it("names every route", () => {
    // What only removes is not asked here: saved.test.ts.
    const removing = [...readme.matchAll(/^\| `DELETE (\/api\/\w+)` /gm)].map(([, path]) => path);
    expect(removing).toEqual(["/api/data"]);
    // What is asked with a body: query.test.ts.
    const posted = [...readme.matchAll(/^\| `POST (\/api\/\w+)` /gm)].map(([, path]) => path);
    const only = posted.filter((one) => !routes.some(({ path }) => path === one));
    expect(only).toEqual(["/api/query"]);
    const named = [...routes.map(({ path }) => path), ...removing, ...only];
    expect(named.sort()).toEqual([...API_PATHS].sort());
  });

  it.each(routes)("names the parameters of $path", async ({ path, all, needed }) => {
    const { body } = await collector.get<{ error: { accepted: string[] } }>(`${path}?nonsense=1`);
    expect([...body.error.accepted].sort()).toEqual([...all].sort());
    // Its answer has no end: live.test.ts.
    if (path === "/api/live") return;
    const usable = all.filter((name) => name !== "cursor");
    expect((await ask(path, usable)).status).toBe(200);
    expect((await ask(path, needed)).status).toBe(200);
    for (const name of needed) {
      const without = await ask(
        path,
        needed.filter((one) => one !== name),
      );
      expect([without.status, without.body.error?.message]).toEqual([400, `${name} is missing`]);
    }
  });
});
