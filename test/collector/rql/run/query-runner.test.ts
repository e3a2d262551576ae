/** Running texts over a history: lines in order, ranges, names, progress, bounds, ends. */
import { describe, expect, it, vi } from "vitest";
import { formatHlc, RetroError } from "../../../../agent/kernel/index.ts";
import type { History } from "../../../../collector/cut/history.ts";
import { RqlError } from "../../../../collector/rql/errors.ts";
import type { EndLine, PlanLine, ResultLine } from "../../../../collector/rql/interpret/lines.ts";
import { ManualTimers } from "../../../support/manual-timers.ts";
import {
  atMs,
  join,
  receive,
  set,
  type ToldHistory,
  tellHistory,
} from "../../../support/told-history.ts";
import { type AskOptions, askHistory, runnerOver } from "./ask-history.ts";
import { LateThreads } from "./late-threads.ts";

const NOW = atMs(100_000);
/** Bounds for hangs, not measures: machines are slow, and busy with other things too. */
const HANG = { timeout: 60_000 };
vi.setConfig({ testTimeout: 240_000 });

/** `v` of n1 is 0, 1, 2 .. at 1, 2, 3 .. ms; n2 says 5 once; `w` comes and goes. */
async function someHistory(count = 10): Promise<ToldHistory> {
  const told = tellHistory();
  const rows = Array.from({ length: count }, (_, i) => set(atMs(i + 1), "l", "v", i));
  await told.tell("n1", 1, [join(atMs(0)), ...rows]);
  await told.tell(
    "n2",
    1,
    [
      join(atMs(0)),
      set(atMs(2), "l", "v", 5),
      set(atMs(3), "l", "w", 1),
      { t: atMs(4), kind: "delete", log: "l", key: "w" },
      set(atMs(5), "m", "x", 1),
    ],
    { closed: atMs(count + 1) },
  );
  return told;
}

function over(told: ToldHistory, more: Partial<AskOptions> = {}): AskOptions {
  return { history: told.history, timers: told.timers, now: NOW, ...more };
}

function endOf(lines: readonly ResultLine[]): EndLine {
  const last = lines.at(-1);
  if (last?.type !== "end") throw new Error("no end");
  return last;
}

const kinds = (lines: readonly ResultLine[]): string => lines.map(({ type }) => type).join(" ");
const hlcs = (lines: readonly ResultLine[]): string[] =>
  lines.flatMap((line) => (line.type === "row" && "from" in line ? [line.from.hlc] : []));

describe("a text", () => {
  it("is answered query by query, each with its start and its end", async () => {
    const told = await someHistory();
    const rql = 'SELECT v FROM l WHEN v["n1"] = 3; SELECT x FROM m; SELECT v FROM l COUNT';
    const lines = await askHistory({ rql }, over(told));
    expect(kinds(lines)).toBe("start row end start row row end start end");
    expect(lines.map(({ query }) => query).join("")).toBe("000111122");
    expect(hlcs(lines)).toContain(formatHlc(atMs(4)));
  });

  it("is searched without ON TIME from the beginning to where the slowest live node is known", async () => {
    const told = await someHistory();
    const [start] = await askHistory({ rql: "SELECT v FROM l" }, over(told));
    expect(start).toMatchObject({
      from: { hlc: formatHlc(atMs(0)) },
      to: { hlc: formatHlc(atMs(10)) },
    });
    const [one] = await askHistory({ rql: "SELECT v FROM l AT NODES n2" }, over(told));
    expect(one).toMatchObject({ to: { hlc: formatHlc(atMs(11)) }, nodes: ["n2"] });
  });

  it("takes a range beside it, unless it has one of its own", async () => {
    const told = await someHistory();
    const range = { from: atMs(3), to: atMs(5) };
    const lines = await askHistory({ rql: 'SELECT v["n1"] AS v FROM l', ...range }, over(told));
    expect(hlcs(lines)).toEqual([3, 4, 5].map((ms) => formatHlc(atMs(ms))));
    const both = askHistory({ rql: 'SELECT v FROM l ON TIME "-5s"', ...range }, over(told));
    await expect(both).rejects.toMatchObject({ code: "bad-parameter" });
    const backwards = askHistory(
      { rql: "SELECT v FROM l", from: atMs(5), to: atMs(3) },
      over(told),
    );
    await expect(backwards).rejects.toMatchObject({ code: "bad-parameter" });
  });

  it("is refused whole, with a place, before anything of it runs", async () => {
    const told = await someHistory();
    const asking = (rql: string) => askHistory({ rql }, over(told));
    await expect(asking("SELECT v FROM l; SELECT Maxx(v) FROM l")).rejects.toMatchObject({
      code: "unknown-function",
      query: 1,
      column: 25,
    });
    await expect(asking("SELECT v FROM ll")).rejects.toThrow('no log "ll" is known');
    await expect(asking("SELECT v FROM")).rejects.toBeInstanceOf(RqlError);
    const empty = askHistory({ rql: "SELECT v FROM l" }, over(tellHistory()));
    await expect(empty).rejects.toMatchObject({ code: "unknown-log" });
  });

  it("knows variables that came and went within its range, and warns of those that never were", async () => {
    const told = await someHistory();
    const lines = await askHistory({ rql: "SELECT w FROM l, m WHEN Count(w) > 0" }, over(told));
    expect(kinds(lines)).toBe("start row end");
    const unknown = await askHistory({ rql: "SELECT u FROM l, m" }, over(told));
    expect(kinds(unknown)).toBe("start warning row end");
    const all = await askHistory({ rql: "SELECT * FROM l, m" }, over(told));
    expect(all[0]).toMatchObject({ columns: ["v", "w", "x"] });
  });

  it("is explained with EXPLAIN, or when it is asked to be: a plan and no rows", async () => {
    const told = await someHistory();
    for (const asked of [
      { rql: "EXPLAIN SELECT v FROM l WHEN Max(v) > 3 AND Min(v) < 2" },
      { rql: "SELECT v FROM l WHEN Max(v) > 3 AND Min(v) < 2", explain: true },
    ]) {
      const lines = await askHistory(asked, over(told));
      expect(kinds(lines)).toBe("start plan end");
      const plan = lines[1] as PlanLine;
      expect(plan).toMatchObject({ mode: "interpreter", columns: ["l.v"], sequential: null });
      expect(plan.blocks.total).toBe(plan.blocks.read + plan.blocks.skipped);
      expect(plan.blocks.read).toBeGreaterThan(0);
      expect(plan.text).toContain("conjunct  Max(v) > 3");
      expect(endOf(lines)).toMatchObject({ status: "done", rows: 0, cuts: 0 });
    }
  });
});

describe("a search", () => {
  it("ends with `budget` when its steps are spent, and says how far it came", async () => {
    const told = await someHistory(1_000);
    const options = over(told, { limits: { steps: 100 } });
    const end = endOf(await askHistory({ rql: "SELECT v FROM l WHEN Max(v) > 5" }, options));
    expect(end).toMatchObject({ status: "budget" });
    expect(end.searchedTo.hlc < formatHlc(atMs(110))).toBe(true);
  });

  it("ends with `truncated` at the row limit, and the rows so far stand", async () => {
    const told = await someHistory(1_000);
    const lines = await askHistory({ rql: "SELECT v FROM l" }, over(told, { limits: { rows: 7 } }));
    expect(lines.filter(({ type }) => type === "row")).toHaveLength(7);
    expect(endOf(lines)).toMatchObject({ status: "truncated", rows: 7 });
  });

  it("reads no further than who takes its lines: one chunk is evaluated, one is ahead", async () => {
    const told = await someHistory(8_000);
    let chunks = 0;
    const history: AskOptions["history"] = {
      ...told.history,
      feed: (options) => {
        const feed = told.history.feed(options);
        const next = feed.next.bind(feed);
        return Object.assign(feed, {
          next: (signal?: AbortSignal) => {
            chunks += 1;
            return next(signal);
          },
        });
      },
    };
    let release = (): void => {};
    let isStuck = false;
    const onText = (text: string): Promise<void> | void => {
      if (!text.includes('"row"') || isStuck) return;
      isStuck = true;
      return new Promise((resolve) => {
        release = resolve;
      });
    };
    const answered = askHistory({ rql: "SELECT v FROM l" }, { ...over(told), history, onText });
    await expect.poll(() => isStuck, HANG).toBe(true);
    for (let i = 0; i < 50; i += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(chunks).toBeLessThanOrEqual(2);
    release();
    expect(endOf(await answered)).toMatchObject({ status: "done", rows: 8_001 });
    expect(chunks).toBeGreaterThan(5);
  });

  it("ends without another line when nobody wants it any more", async () => {
    const told = await someHistory(8_000);
    const leaving = new AbortController();
    const onText = (text: string): void => {
      if (text.includes('"row"')) leaving.abort();
    };
    const options = over(told, { onText, signal: leaving.signal });
    const lines = await askHistory({ rql: "SELECT v FROM l" }, options);
    expect(lines.at(-1)?.type).toBe("row");
    expect(lines.length).toBeLessThan(4_000);
  });

  it("tells how far it is four times a second at most", async () => {
    const told = await someHistory(8_000);
    // Every look at the clock is a millisecond.
    const timers = new TickingTimers();
    const lines = await askHistory({ rql: "SELECT v FROM l COUNT" }, { ...over(told), timers });
    const progress = lines.filter((line) => line.type === "progress");
    expect(progress.every(({ fraction }) => fraction >= 0 && fraction <= 1)).toBe(true);
    expect(progress.length).toBeLessThanOrEqual(timers.nowMs() / 250);
  });

  it("says nothing before its start, however long its thread takes to begin", async () => {
    const told = await someHistory(8_000);
    const timers = new ManualTimers(0);
    const threads = new LateThreads();
    let written = "";
    const onText = (text: string): void => {
      written += text;
    };
    const options = { ...over(told), timers, threads, onText };
    const answered = askHistory({ rql: "SELECT v FROM l COUNT" }, options);
    await expect.poll(() => threads.waitingCount, HANG).toBe(1);
    for (let i = 0; i < 5; i += 1) timers.advanceMs(10_000);
    expect(written).toBe("");
    threads.letOne();
    expect(kinds(await answered)).toBe("start progress end");
  });

  it("says nothing after its end, however slowly that is read", async () => {
    const told = await someHistory();
    const timers = new ManualTimers(0);
    const texts: string[] = [];
    const onText = async (text: string): Promise<void> => {
      texts.push(text);
      if (!text.includes('"end"')) return;
      for (let i = 0; i < 5; i += 1) timers.advanceMs(10_000);
    };
    await askHistory({ rql: "SELECT v FROM l COUNT" }, { ...over(told), timers, onText });
    expect(texts.at(-1)).toContain('"end"');
  });

  it("tells an interval that stays open before its row, once", async () => {
    const told = await someHistory(4_000);
    let ms = 0;
    const elapsedMs = (): number => {
      ms += 1;
      return ms;
    };
    const rql = 'SELECT v FROM l WHEN v["n1"] > 100';
    const lines = await askHistory({ rql }, over(told, { elapsedMs }));
    expect(kinds(lines.filter(({ type }) => type !== "progress"))).toBe("start hit row end");
    expect(lines.find(({ type }) => type === "hit")).toMatchObject({
      n: 1,
      from: { hlc: formatHlc(atMs(102)) },
      values: { v: { n1: 101, n2: 5 } },
    });
    const none = await askHistory({ rql: `${rql} LAST` }, over(told, { elapsedMs }));
    expect(kinds(none)).not.toContain("hit");
  });

  it("says so when retention takes what is still to be searched", async () => {
    const told = await someHistory(10);
    const history: AskOptions["history"] = {
      ...told.history,
      feed: (options) => {
        const feed = told.history.feed(options);
        let count = 0;
        const next = (signal?: AbortSignal): ReturnType<typeof feed.next> => {
          count += 1;
          if (count === 1) return feed.next(signal);
          const gone = new RetroError("outside-retention", "retention has removed it");
          return Promise.reject(gone);
        };
        return { ...facesOf(feed), next };
      },
    };
    const lines = await askHistory({ rql: "SELECT v FROM l" }, { ...over(told), history });
    expect(kinds(lines)).toMatch(/^start (row )*error end$/);
    expect(lines.at(-2)).toMatchObject({ type: "error", code: "outside-retention" });
    expect(endOf(lines)).toMatchObject({ status: "failed" });
  });

  it("is refused beyond four at a time, until one has ended", async () => {
    const told = await someHistory();
    const releases: (() => void)[] = [];
    const onText = (): Promise<void> =>
      new Promise((resolve) => {
        releases.push(resolve);
      });
    const runner = runnerOver(over(told));
    const signal = new AbortController().signal;
    const asking = (): Promise<void> =>
      runner.answer({ rql: "SELECT v FROM l COUNT" }, () => onText, signal);
    const running = [asking(), asking(), asking(), asking()];
    await expect.poll(() => releases.length, HANG).toBe(4);
    await expect(asking()).rejects.toMatchObject({ code: "too-many", retriable: true });
    const ending = Promise.all(running);
    while (runner.running > 0) {
      for (const release of releases.splice(0)) release();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await ending;
    const again = runner.answer({ rql: "SELECT v FROM l COUNT" }, () => async () => {}, signal);
    await expect(again).resolves.toBeUndefined();
  });
});

describe("a row says that it is incomplete", () => {
  const reasonsOf = (lines: readonly ResultLine[]): string[] =>
    lines.flatMap((line) =>
      line.type === "row" ? [line.incomplete.map((one) => `${one.node} ${one.reason}`).join()] : [],
    );

  it("where a run broke off before the next began", async () => {
    const told = tellHistory();
    await told.tell("n1", 1, [join(atMs(0)), set(atMs(1), "l", "v", 1)], { closed: atMs(5) });
    const later = [join(atMs(10)), set(atMs(11), "l", "v", 2)];
    await told.tell("n1", 1, later, { epoch: 2_000_000_000_000 });
    const rql = 'SELECT v FROM l WHEN v["n1"] > 0';
    const lines = await askHistory({ rql, from: atMs(0), to: atMs(11) }, over(told));
    expect(reasonsOf(lines)).toEqual(["n1 lost", ""]);
    expect(endOf(lines)).toMatchObject({ complete: false, incomplete: [{ reason: "lost" }] });
  });

  it("where a message tells of a node that nobody knows, unless nodes are named", async () => {
    const told = tellHistory();
    const stranger = receive(atMs(3), "stranger", 7, 1, atMs(2));
    const rows = [join(atMs(0)), set(atMs(1), "l", "v", 1), stranger, set(atMs(5), "l", "v", 2)];
    await told.tell("n1", 1, rows);
    const asking = (rql: string): Promise<ResultLine[]> =>
      askHistory({ rql, from: atMs(0), to: atMs(5) }, over(told));
    expect(reasonsOf(await asking("SELECT v FROM l WHEN Max(v) = 1"))).toEqual([
      "stranger unknown-node",
    ]);
    expect(reasonsOf(await asking("SELECT v FROM l WHEN Max(v) = 1 AT NODES n1"))).toEqual([""]);
    const grouped = await asking("SELECT v FROM l WHEN Max(v) = 1 GROUP BY SERVICE");
    expect(reasonsOf(grouped)).toEqual(["stranger unknown-node"]);
  });

  it("only where something is missing while it lasts", async () => {
    const told = tellHistory();
    const values = [1, 2, 3, 4].map((v) => set(atMs(v * 10), "l", "v", v));
    await told.tell("n1", 1, [join(atMs(0)), ...values], { closed: atMs(60) });
    await told.tell("n2", 1, [join(atMs(0))], { closed: atMs(25) });
    const lines = await askHistory(
      { rql: "SELECT v FROM l", from: atMs(0), to: atMs(60) },
      over(told),
    );
    expect(reasonsOf(lines)).toEqual(["", "", ...Array(3).fill("n2 lagging")]);
  });
});

/** The methods of a feed, so that one can be replaced. */
function facesOf(feed: ReturnType<History["feed"]>): ReturnType<History["feed"]> {
  return {
    from: feed.from,
    to: feed.to,
    nodes: feed.nodes,
    services: feed.services,
    next: (signal) => feed.next(signal),
    lastChanges: (columns, signal) => feed.lastChanges(columns, signal),
    endWith: (events, signal) => feed.endWith(events, signal),
    plan: (signal) => feed.plan(signal),
    close: () => feed.close(),
  };
}

class TickingTimers extends ManualTimers {
  #looks = 0;

  constructor() {
    super(0);
  }

  override nowMs(): number {
    this.#looks += 1;
    return this.#looks;
  }
}
