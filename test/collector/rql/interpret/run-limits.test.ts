/** What ends a run before its time. */
import { describe, expect, it } from "vitest";
import { ask } from "../ask.ts";
import { values } from "../happenings.ts";

describe("limits of a run", () => {
  const history = values(...Array.from({ length: 50 }, (_, n) => [n * 10, n] as const));
  const run = (text: string, limits: object): ReturnType<typeof ask> =>
    ask(text, history, {}, { limits });

  it("end it with the status budget, the rows so far standing", () => {
    const { rows, end } = run("SELECT v FROM l", { steps: 20 });
    expect(end).toMatchObject({ status: "budget", cuts: 20 });
    expect(rows.length).toBeGreaterThan(10);
    // The twentieth value, at 190 ms: the twenty-first was not looked at.
    expect(end.searchedTo.time).toBe("2026-11-21T16:00:00.190000Z");
  });

  it("end it with the status truncated at so many rows", () => {
    expect(run("SELECT v FROM l", { rows: 7 }).end).toMatchObject({ status: "truncated", rows: 7 });
    expect(run("SELECT v FROM l LAST 9", { rows: 7 }).rows).toHaveLength(7);
  });

  it("cut short the values of a row", () => {
    const long = values([0, "x".repeat(100)]);
    const { rows } = ask("SELECT v, Max(v) AS m FROM l", long, {}, { limits: { rowBytes: 120 } });
    expect(rows[0]?.values).toEqual({ v: { a: "x".repeat(100) }, m: { $truncated: 102 } });
  });

  it("stop a GLOBAL that grows without bound", () => {
    const query = 'SELECT x, v FROM l COMPUTE GLOBAL x := "ab" AND x := x + x';
    const { lines, end } = run(query, { globalBytes: 1_000 });
    expect(end.status).toBe("failed");
    expect(lines.at(-2)).toMatchObject({ type: "error", code: "global-too-large" });
  });

  it("end it when somebody cancels", () => {
    const many = `SELECT v FROM l WHEN EXISTS p, q IN {${Array.from({ length: 100 }, (_, n) => n)}} : (p + q < 0)`;
    let asked = 0;
    const answer = ask(many, history, {}, { isCancelled: () => ++asked > 3 });
    expect(answer.end).toMatchObject({ status: "cancelled" });
  });
});
