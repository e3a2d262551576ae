/** Monitors over a history told batch by batch: what they tell when, repairs, restarts, bounds. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import "../../support/seed.ts";
import { formatHlc, type Hlc, type LostRange, parseHlc } from "../../../agent/kernel/index.ts";
import { Monitors, type MonitorsOptions } from "../../../collector/monitor/monitors.ts";
import type { Alert, ToldRow } from "../../../collector/monitor/shapes.ts";
import type { IntervalLine } from "../../../collector/rql/interpret/lines.ts";
import { atMs, join, set, type ToldHistory, tellHistory } from "../../support/told-history.ts";
import { askHistory, runnerOver } from "../rql/run/ask-history.ts";

const NOW = atMs(100_000);

interface Scene {
  readonly told: ToldHistory;
  readonly alerts: Alert[];
  /** What was sent to webhooks. */
  readonly sent: string[];
  /** Whether they take it. */
  takes(): boolean;
  monitors: Monitors;
  restart(): void;
}

function aScene(limits: MonitorsOptions["limits"] = {}): Scene {
  const told = tellHistory();
  const { history, timers, store } = told;
  const alerts: Alert[] = [];
  const opened = (): Monitors =>
    new Monitors({
      ...{ store, history, timers, limits, runner: runnerOver({ history, timers, now: NOW }) },
      newToken: () => "t",
      webhookHosts: ["alerts.example"],
      webhooks: {
        send: async (url, body) => {
          scene.sent.push(`${url} ${(JSON.parse(body) as Alert).id}`);
          return scene.takes();
        },
      },
      onAlert: (alert) => alerts.push(alert),
      onFailure: (error) => {
        throw error;
      },
    });
  const scene: Scene = {
    ...{ told, alerts, sent: [], takes: () => true, monitors: opened() },
    restart() {
      scene.monitors = opened();
      scene.monitors.start();
    },
  };
  history.onAmended((ranges) => scene.monitors.amended(ranges));
  return scene;
}

/** `event n from..to` in milliseconds; `..` while it is open, `-` where it is withdrawn. */
function textOf({ event, n, row }: Alert): string {
  if (row === null) return `${event} ${n} -`;
  if ("at" in row) return `${event} ${n} at ${msOf(row.at.hlc)}`;
  return `${event} ${n} ${msOf(row.from.hlc)}..${row.to === null ? "" : msOf(row.to.hlc)}`;
}

function msOf(hlc: string): number {
  return ((parseHlc(hlc) as Hlc) - atMs(0)) / 4_096;
}

const HIGH = "SELECT v FROM l WHEN Max(v) > 5";

describe("a monitor", () => {
  it("opens and closes as the slowest live node is known, and tells each once", async () => {
    const scene = aScene();
    const { told, alerts } = scene;
    await told.tell("a", 1, [join(atMs(0)), set(atMs(1), "l", "v", 1)], { closed: atMs(10) });
    await told.tell("b", 1, [join(atMs(0))], { closed: atMs(10) });
    const { id } = await scene.monitors.create(HIGH, "high");
    await told.tell("a", 3, [set(atMs(20), "l", "v", 9)], { closed: atMs(30) });
    await scene.monitors.look();
    expect(alerts).toEqual([]);
    await told.tell("b", 2, [set(atMs(25), "l", "v", 2)], { closed: atMs(30) });
    await scene.monitors.look();
    await scene.monitors.look();
    expect(alerts.map(textOf)).toEqual(["open 1 20.."]);
    await told.tell("a", 4, [set(atMs(40), "l", "v", 3)], { closed: atMs(60) });
    await told.tell("b", 3, [set(atMs(50), "l", "v", 7), set(atMs(51), "l", "v", 1)], {
      closed: atMs(60),
    });
    await scene.monitors.look();
    expect(alerts.map(textOf)).toEqual([
      ...["open 1 20..", "close 1 20..40", "open 2 50..", "close 2 50..51"],
    ]);
    expect(alerts.map((one) => one.id)).toEqual([1, 2, 3, 4].map((n) => `${id}/${n}`));
    expect(alerts[0]?.row).toMatchObject({ to: null, open: true, values: { v: { a: 9 } } });
    expect(alerts[1]?.row).toMatchObject({ open: false, durationMs: 20, by: ["a"] });
    expect(scene.monitors.list()[0]).toMatchObject({ name: "high", evaluatedTo: atMs(60) });
  });

  it("opens FOR AT LEAST when that is over, and tells NOT FOLLOWED BY when it is decided", async () => {
    const scene = aScene();
    const { told, alerts } = scene;
    await told.tell("a", 1, [join(atMs(0)), set(atMs(1), "l", "v", 1)], { closed: atMs(10) });
    await scene.monitors.create(`${HIGH} FOR AT LEAST 20ms`, null);
    await scene.monitors.create(`${HIGH} NOT FOLLOWED BY Max(v) = 8 WITHIN 20ms`, null);
    const seen: string[] = [];
    const known = async (firstSeq: number, ms: number, value: number, to: number) => {
      await told.tell("a", firstSeq, [set(atMs(ms), "l", "v", value)], { closed: atMs(to) });
      await scene.monitors.look();
      seen.push(alerts.splice(0).map(textOf).join());
    };
    await known(3, 20, 9, 30);
    await known(4, 35, 7, 45);
    await known(5, 50, 1, 55);
    await known(6, 60, 9, 65);
    await known(7, 70, 8, 90);
    expect(seen).toEqual([
      "",
      "open 1 20..,open 1 20..,close 1 20..40",
      "close 1 20..50",
      "",
      "open 2 60..",
    ]);
  });

  it("amends what a repair shows otherwise: rows that differ, that come, and that never were", async () => {
    const scene = aScene();
    const { told, alerts } = scene;
    await told.tell("a", 1, [join(atMs(0)), set(atMs(1), "l", "v", 1)], { closed: atMs(10) });
    await scene.monitors.create(HIGH, null);
    await told.tell("a", 3, [set(atMs(20), "l", "v", 9)], { closed: atMs(25) });
    // Events 4 and 5 are declared lost: of the variable nothing is known until it is set again.
    const dropped = [
      {
        ...{ firstSeq: 4, lastSeq: 5, firstT: atMs(30), lastT: atMs(40) },
        ...{ logs: ["l"], messages: false, reason: "overflow" as const },
      },
    ];
    await told.tell("a", 6, [set(atMs(50), "l", "v", 9), set(atMs(60), "l", "v", 1)], {
      ...{ dropped, closed: atMs(100) },
    });
    await scene.monitors.look();
    expect(alerts.splice(0).map(textOf)).toEqual([
      ...["open 1 20..", "close 1 20..30", "open 2 50..", "close 2 50..60"],
    ]);
    // They come after all: v was 8, then 7, all the time over 5.
    await told.tell("a", 4, [set(atMs(30), "l", "v", 8), set(atMs(40), "l", "v", 7)], {
      closed: atMs(45),
    });
    await scene.monitors.look();
    expect(alerts.splice(0).map(textOf)).toEqual(["amend 1 20..60", "amend 2 -"]);
    await scene.monitors.look();
    expect(alerts).toEqual([]);
  });

  it("goes on after a restart where it was, and tells nothing twice", async () => {
    const scene = aScene();
    const { told, alerts } = scene;
    await told.tell("a", 1, [join(atMs(0)), set(atMs(1), "l", "v", 1)], { closed: atMs(10) });
    await scene.monitors.create(HIGH, "high");
    await told.tell("a", 3, [set(atMs(20), "l", "v", 9)], { closed: atMs(30) });
    await scene.monitors.look();
    await scene.monitors.close();
    scene.restart();
    await told.tell("a", 4, [set(atMs(40), "l", "v", 3)], { closed: atMs(60) });
    await scene.monitors.look();
    expect(alerts.map(textOf)).toEqual(["open 1 20..", "close 1 20..40"]);
    expect(scene.monitors.list()[0]?.alerts).toEqual(alerts);
    await scene.monitors.remove(scene.monitors.list()[0]?.id ?? "");
    scene.restart();
    expect(scene.monitors.list()).toEqual([]);
  });

  it("is refused with a range, with what ends it, and beyond 64", async () => {
    const scene = aScene({ monitors: 2 });
    await scene.told.tell("a", 1, [join(atMs(0)), set(atMs(1), "l", "v", 1)]);
    for (const text of [
      `${HIGH} ON TIME "-5s"`,
      `${HIGH} FIRST`,
      `${HIGH} COUNT`,
      `${HIGH}; ${HIGH}`,
    ]) {
      await expect(scene.monitors.create(text, null)).rejects.toMatchObject({
        code: "not-for-monitors",
      });
    }
    await scene.monitors.create(HIGH, null);
    await scene.monitors.create(HIGH, null);
    await expect(scene.monitors.create(HIGH, null)).rejects.toMatchObject({ code: "too-many" });
  });

  it("sends alerts to its webhook until each is taken, also after a restart", async () => {
    const scene = aScene();
    const { told, sent } = scene;
    await told.tell("a", 1, [join(atMs(0)), set(atMs(1), "l", "v", 1)], { closed: atMs(10) });
    const url = "http://alerts.example/x";
    const { id } = await scene.monitors.create(HIGH, null, url);
    const ids = (...numbers: number[]): string[] => numbers.map((n) => `${url} ${id}/${n}`);
    let isTaken = false;
    scene.takes = () => isTaken;
    await told.tell("a", 3, [set(atMs(20), "l", "v", 9)], { closed: atMs(30) });
    await scene.monitors.look();
    await expect.poll(() => sent).toEqual(ids(1));
    told.timers.advanceMs(1_000);
    await expect.poll(() => sent).toEqual(ids(1, 1));
    await scene.monitors.close();
    isTaken = true;
    scene.restart();
    await told.tell("a", 4, [set(atMs(40), "l", "v", 3)], { closed: atMs(60) });
    await scene.monitors.look();
    await expect.poll(() => sent).toEqual(ids(1, 1, 1, 2));
    await expect.poll(() => scene.monitors.list()[0]?.delivered).toBe(2);
    await scene.monitors.close();
    scene.restart();
    await scene.monitors.look();
    expect(sent).toHaveLength(4);
  });

  it("calls no host that was not allowed", async () => {
    const scene = aScene();
    await scene.told.tell("a", 1, [join(atMs(0)), set(atMs(1), "l", "v", 1)]);
    for (const [url, code] of [
      ["http://169.254.169.254/", "forbidden"],
      ["http://alerts.example.evil/", "forbidden"],
      ["http://x@alerts.example/", "bad-parameter"],
      ["file:///etc/passwd", "bad-parameter"],
      ["alerts.example", "bad-parameter"],
    ]) {
      await expect(scene.monitors.create(HIGH, null, url)).rejects.toMatchObject({ code });
    }
    await scene.monitors.create(HIGH, null, "https://ALERTS.example:8443/x?y");
  });

  it("comes to what a query of the past finds, in whatever order history is told", async () => {
    const QUERIES = [
      ...[HIGH, "SELECT v FROM l", "SELECT v FROM l WHEN Changed(v)"],
      ...["SELECT v FROM l WHEN Count(v) > 1 FOR AT LEAST 3ms"],
      ...["SELECT v FROM l WHEN Became(Max(v) > 5) THEN Min(v) < 3 WITHIN 4ms"],
      ...['SELECT v FROM l WHEN v["a"] > 4 NOT FOLLOWED BY v["b"] > 4 WITHIN 3ms'],
    ];
    const step = fc.record({
      node: fc.constantFrom("a", "b"),
      value: fc.nat(9),
      passes: fc.integer({ min: 0, max: 3 }),
      isLate: fc.boolean(),
      look: fc.boolean(),
      restart: fc.integer({ min: 0, max: 9 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...QUERIES),
        fc.array(step, { minLength: 5, maxLength: 30 }),
        async (rql, steps) => {
          const scene = aScene({ rows: 1_000 });
          const { told } = scene;
          for (const node of ["a", "b"]) {
            await told.tell(node, 1, [join(atMs(0)), set(atMs(1), "l", "v", 1)], {
              closed: atMs(2),
            });
          }
          const { since } = await scene.monitors.create(rql, null);
          const seqs = { a: 3, b: 3 };
          // What is late is declared lost with what comes next of its node; then it comes after all.
          const missing: Record<"a" | "b", LostRange[]> = { a: [], b: [] };
          const late: (() => Promise<void>)[] = [];
          let ms = 2;
          for (const { node, value, passes, isLate, look, restart } of steps) {
            const name = node as "a" | "b";
            ms += 1 + passes;
            const seq = seqs[name];
            seqs[name] += 1;
            const [t, closed] = [atMs(ms), atMs(ms + 0.5)];
            const rows = [set(t, "l", "v", value)];
            if (isLate) {
              const at = { firstSeq: seq, lastSeq: seq, firstT: t, lastT: t };
              missing[name].push({ ...at, logs: ["l"], messages: false, reason: "overflow" });
              late.push(() => told.tell(name, seq, rows, { closed }));
            } else {
              await told.tell(name, seq, rows, { closed, dropped: missing[name].splice(0) });
            }
            if (look) await scene.monitors.look();
            if (restart === 0) scene.restart();
            if (late.length > 3) await late.shift()?.();
          }
          for (const name of ["a", "b"] as const) {
            const mark = { t: atMs(ms + 10), kind: "mark" as const, text: "end" };
            await told.tell(name, seqs[name], [mark], { dropped: missing[name].splice(0) });
          }
          await scene.monitors.look();
          for (const tell of late) {
            await tell();
            await scene.monitors.look();
          }
          await scene.monitors.look();
          const [record] = scene.monitors.list();
          const to = record?.evaluatedTo as Hlc;
          expect(to).toBe(atMs(ms + 10));
          const options = { history: told.history, timers: told.timers, now: NOW };
          const lines = await askHistory({ rql, from: since, to }, options);
          const expected = lines.filter((line) => line.type === "row") as IntervalLine[];
          expect([rql, record?.rows.map(rowText)]).toEqual([rql, expected.map(lineText)]);
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);
});

function rowText({ from, to, row }: ToldRow): string {
  return `${formatHlc(from)}..${to === null ? "" : formatHlc(to)} ${JSON.stringify(row.values)}`;
}

function lineText({ from, to, open, values }: IntervalLine): string {
  return `${from.hlc}..${open ? "" : to.hlc} ${JSON.stringify(values)}`;
}
