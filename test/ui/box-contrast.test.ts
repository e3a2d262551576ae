/** What is told of the requests in a box: read, split and compared. */
import { describe, expect, it } from "vitest";
import { formatHlc, type Hlc } from "../../agent/kernel/index.ts";
import type { EventLineJson } from "../../collector/api/shapes.ts";
import type { ApiReader } from "../../ui/src/api/client.ts";
import { contrast, factsOf } from "../../ui/src/latency/contrast.ts";
import { MAX_AT_BOX, MAX_BESIDE, readBox } from "../../ui/src/latency/read-box.ts";

const T0 = 1_000_000_000_000;
const BOX = { from: (T0 + 100) as Hlc, to: (T0 + 200) as Hlc, lowUs: 50, highUs: 100 };
const VIEW = { from: T0 as Hlc, to: (T0 + 1_000) as Hlc };

function request(t: number, residenceUs: number, more: object = {}): EventLineJson {
  const fields = { node: "stock-1", service: "stock", epoch: 1, seq: t, kind: "request" };
  const time = { hlc: formatHlc((T0 + t) as Hlc), time: "" };
  return { ...fields, t: time, operation: "GET /", outcome: "ok", residenceUs, ...more };
}

/** Answers `/api/events` from a list, and cuts a page off at its limit. */
function reader(all: readonly EventLineJson[], asked: unknown[] = []): ApiReader {
  return {
    get: async (path, query) => {
      asked.push([path, query["kind"]]);
      const { from, to, limit } = query as { from: string; to: string; limit: number };
      const found = all.filter(({ t }) => t.hlc >= from && t.hlc <= to);
      const more = found.length > limit ? { next: "more" } : {};
      return { events: found.slice(0, limit), complete: true, incomplete: [], ...more } as never;
    },
  };
}

const ask = (all: readonly EventLineJson[]) =>
  readBox(reader(all), { box: BOX, view: VIEW }, new AbortController().signal);

describe("reading a box", () => {
  it("gives those that ended in it and took so long to the box, all others of the view to the rest", async () => {
    const table = [
      ["before it", 99, 60, false],
      ["at its left edge", 100, 60, true],
      ["at its right edge", 200, 60, false],
      ["as fast as its lower edge", 150, 50, true],
      ["faster", 150, 49, false],
      ["as slow as its upper edge", 150, 100, false],
      ["at the end of the view", 1_000, 60, false],
    ] as const;
    for (const [why, t, us, isInside] of table) {
      const { box, rest } = await ask([request(t, us)]);
      expect([why, box.length, rest.length]).toEqual([why, isInside ? 1 : 0, isInside ? 0 : 1]);
    }
    const outside = await ask([request(-1, 60), request(1_001, 60)]);
    expect([outside.box, outside.rest]).toEqual([[], []]);
  });

  it("says where more are there than were read", async () => {
    const many = (count: number, t: number) => Array.from({ length: count }, () => request(t, 60));
    expect(await ask(many(5, 150))).toMatchObject({
      ...{ isBoxShortened: false, isRestShortened: false },
    });
    expect(await ask(many(MAX_AT_BOX + 1, 150))).toMatchObject({
      ...{ isBoxShortened: true, isRestShortened: true },
    });
    expect(await ask(many(MAX_BESIDE + 1, 20))).toMatchObject({
      ...{ isBoxShortened: false, isRestShortened: true },
    });
  });
});

describe("comparing a box", () => {
  const slow = { node: "stock-2", calls: [{ to: "db", startUs: 0, us: 9 }] };
  const box = [request(1, 60, slow), request(2, 60, slow)].map(factsOf);
  const rest = [request(3, 9), request(4, 9), request(5, 9), request(6, 9, slow)].map(factsOf);

  it("puts the field first that differs most, and of a field the value that does", () => {
    const [first, second, ...others] = contrast(box, rest);
    expect([first?.field, second?.field]).toEqual(["node", "callee"]);
    expect(first?.values[0]).toMatchObject({ boxShare: 1, restShare: 0.25, inBox: 2, inRest: 1 });
    expect(first?.difference).toBe(0.75);
    expect(others.every(({ difference }) => difference === 0)).toBe(true);
  });

  it("counts a request once for each of its callees and waits, and says where it has none", () => {
    const calls = [{ to: "db" }, { to: "db" }, { to: "cache" }];
    const waits = [{ to: "pool", startUs: 0, us: 5 }];
    const { values } = factsOf(request(1, 60, { calls, waits }));
    expect([values.callee, values.wait]).toEqual([["db", "cache"], ["pool"]]);
    expect(factsOf(request(1, 60)).values).toMatchObject({
      ...{ callee: ["no call"], wait: ["no wait"] },
    });
  });

  it("compares with nothing where the rest is empty", () => {
    expect(
      contrast(box, []).every(({ values }) => values.every((one) => one.restShare === 0)),
    ).toBe(true);
  });
});
