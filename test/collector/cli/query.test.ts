/** `retroscope query` against a real collector: a table for people, lines for programs, exit codes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addMs, formatHlc, unixMsFromTicks } from "../../../agent/kernel/index.ts";
import type { MonitorJson, ResultLine } from "../../../collector/api/query-shapes.ts";
import { runCli } from "../../../collector/cli/program.ts";
import { aBatch } from "../../support/batches.ts";
import { importExample } from "../rql/example-lines.ts";
import { at } from "../rql/told-cuts.ts";
import { NOW, startCollector, type TestCollector } from "../support.ts";
import type { Ended } from "./support.ts";

const SOON = { timeout: 10_000 };
let collector: TestCollector;
const folder = mkdtempSync(join(tmpdir(), "retroscope-query-"));
beforeAll(async () => {
  collector = await startCollector();
  await importExample(collector.url);
});
afterAll(async () => {
  await collector.close();
  rmSync(folder, { recursive: true, force: true });
});

interface RunOptions {
  readonly url?: string;
  readonly input?: string;
  readonly interrupted?: Promise<void>;
  readonly onOut?: () => void;
}

async function query(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
  let out = "";
  let err = "";
  const code = await runCli(["query", ...words], {
    out: (text) => {
      out += text;
      options.onOut?.();
    },
    err: (text) => {
      err += text;
    },
    isWatched: false,
    columns: undefined,
    environment: { RETROSCOPE_URL: options.url ?? collector.url },
    nowMs: () => unixMsFromTicks(NOW),
    stdin: (async function* () {
      yield Buffer.from(options.input ?? "");
    })(),
    interrupted: () => options.interrupted ?? new Promise(() => {}),
  });
  return { code, out, err };
}

const RANGE = ["--from", formatHlc(at(0)), "--to", formatHlc(at(10_000))];
const DISAGREE = "SELECT leader FROM raft WHEN Cardinality(leader) > 1";

describe("retroscope query", () => {
  it("prints rows as a table, and what they come to", async () => {
    const { code, out, err } = await query([DISAGREE, ...RANGE]);
    expect([code, err]).toEqual([0, ""]);
    const [range, head, row, end] = out.split("\n");
    expect(range).toContain("6 nodes, 2026-11-21T16:00:00");
    expect(head).toMatch(/^n {2}from +lasted +leader$/);
    expect(row).toMatch(/^1 {2}2026-11-21T16:00:02\.000000Z {2}40 ms +by a, b +a="c" b="c" c="b"$/);
    expect(end).toMatch(/^1 match, 40 ms in all, \d+ cuts searched$/);
  });

  it("says what rows lack, which were so before, and which still are", async () => {
    const late = ["--from", formatHlc(at(5_000)), "--to", formatHlc(at(11_000))];
    const { code, out } = await query(["SELECT owner FROM lock AT NODES a, b, c", ...late]);
    expect(code).toBe(0);
    expect(out).toContain("from before, still so, incomplete: a lagging, b lagging, c lagging");
    expect(out).toContain("incomplete: ");
    expect(out).toContain("`retroscope explain`");
  });

  it("prints the lines as they came with --json, and nothing else there", async () => {
    const { code, out, err } = await query(["--json", DISAGREE, ...RANGE]);
    expect([code, err]).toEqual([0, ""]);
    const lines = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as ResultLine);
    expect(lines.map(({ type }) => type)).toEqual(["start", "row", "end"]);
  });

  it("reads the text from standard input, or from a file", async () => {
    const piped = await query(["-", ...RANGE, "--json"], { input: DISAGREE });
    const file = join(folder, "disagree.rql");
    writeFileSync(file, `# who leads\n${DISAGREE}\n`);
    const filed = await query([`@${file}`, ...RANGE, "--json"]);
    const rowOf = ({ out }: Ended): string | undefined =>
      out.split("\n").find((line) => line.includes('"row"'));
    expect(rowOf(piped)).toBeDefined();
    expect(rowOf(filed)).toBe(rowOf(piped));
    const none = await query([`@${file}.none`]);
    expect([none.code, none.err]).toEqual([2, expect.stringContaining("cannot read")]);
  });

  it("prints the plan with --explain", async () => {
    const { code, out } = await query(["--explain", DISAGREE]);
    expect(code).toBe(0);
    expect(out).toContain("columns   raft.leader");
    expect(out).toMatch(/^blocks {4}\d+ of \d+ read/m);
    expect(out).not.toContain("match");
  });

  it("shows where a text is wrong, with carets, and exits 2", async () => {
    const { code, out, err } = await query(["SELECT leader FROM raft WHEN Cardnality(leader) > 1"]);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toBe(
      [
        'retroscope: unknown-function at 1:30: there is no function "Cardnality"',
        "  SELECT leader FROM raft WHEN Cardnality(leader) > 1",
        `  ${" ".repeat(29)}${"^".repeat(10)}`,
        "  did you mean Cardinality?",
        "",
      ].join("\n"),
    );
    const log = await query(["SELECT leader FROM raff"]);
    expect([log.code, log.err]).toEqual([2, expect.stringContaining("did you mean raft?")]);
  });

  it("warns on standard error, with the place", async () => {
    const { code, err } = await query(["SELECT leadr FROM raft COUNT"]);
    expect(code).toBe(0);
    expect(err).toContain("warning: unknown-variable at 1:8");
    expect(err).toContain("did you mean leader?");
  });

  it("exits 1 with --fail-on-match if anything is found, also if it is only counted", async () => {
    expect((await query([DISAGREE, "--fail-on-match"])).code).toBe(1);
    expect((await query([`${DISAGREE} COUNT`, "--fail-on-match"])).code).toBe(1);
    const none = `${DISAGREE.replace("> 1", "> 2")}`;
    const { code, out } = await query([none, "--fail-on-match"]);
    expect([code, out]).toEqual([0, expect.stringContaining("nothing found")]);
  });

  it("exits 3 where it could not finish or not reach, and after an interrupt", async () => {
    const away = await query([DISAGREE], { url: "http://127.0.0.1:9" });
    expect([away.code, away.err]).toEqual([3, expect.stringContaining("cannot reach a collector")]);
    const set = `{${Array.from({ length: 60 }, (_, i) => i).join(",")}}`;
    const endless = `SELECT leader FROM raft WHEN EXISTS a, b, c, d IN ${set} : (a + b + c + d < 0)`;
    const interrupted = new Promise<void>((resolve) => {
      void expect
        .poll(async () => {
          const { body } = await collector.get<{ running?: number }>("/healthz");
          return body;
        })
        .toBeDefined()
        .then(() => resolve());
    });
    const ended = await query([endless], { interrupted });
    expect([ended.code, ended.err]).toEqual([3, expect.stringContaining("interrupted")]);
  });

  it("watches with --live until it is interrupted, and leaves no monitor behind", async () => {
    let interrupt = (): void => {};
    const interrupted = new Promise<void>((resolve) => {
      interrupt = resolve;
    });
    const rql = "SELECT load FROM live WHEN Max(load) > 5";
    const post = (seq: number, ms: number, value: number) => {
      const row = { t: addMs(NOW, ms), kind: "set", log: "live", key: "load", value } as const;
      const join = {
        t: addMs(NOW, ms),
        kind: "join",
        service: "s",
        tags: {},
        instance: "i",
      } as const;
      const rows = seq === 1 ? [join, row] : [row];
      return collector.post(
        aBatch(rows, { node: "l1", firstSeq: seq, closed: addMs(NOW, ms + 5) }),
      );
    };
    await post(1, -900, 1);
    // It is interrupted as soon as it has told something.
    const watching = query([rql, "--live", "--json"], { interrupted, onOut: () => interrupt() });
    const monitors = async () => {
      const { body } = await collector.get<{ monitors: MonitorJson[] }>("/api/monitors");
      return body.monitors;
    };
    await expect.poll(async () => (await monitors()).length, SOON).toBe(1);
    await post(3, -800, 9);
    const { code, out, err } = await watching;
    expect([code, await monitors()]).toEqual([0, []]);
    expect(err).toMatch(/^watching \d+ nodes \(.*\bl1\b.*\), since 2026\S+Z; Ctrl-C ends it$/m);
    expect(err).toMatch(/^watched for .+, told 1 alert$/m);
    expect(JSON.parse(out)).toMatchObject({
      event: "open",
      n: 1,
      row: { values: { load: { l1: 9 } } },
    });
    // Whoever mistypes a name would wait for ever: it is told before anything happens.
    const nothing = new Promise<void>((resolve) => {
      void expect
        .poll(async () => (await monitors()).length, SOON)
        .toBe(1)
        .then(() => resolve());
    });
    const mistyped = await query(["SELECT laod FROM live", "--live"], { interrupted: nothing });
    expect([mistyped.code, mistyped.out]).toEqual([0, ""]);
    expect(mistyped.err).toContain("warning: unknown-variable at 1:8");
    expect(mistyped.err).toContain("did you mean load?");
    expect(mistyped.err).toMatch(/^watched for .+, nothing happened$/m);
    const range = await query([rql, "--live", "--from", "-5s"]);
    expect([range.code, range.err]).toEqual([
      2,
      expect.stringContaining("--live does not go with"),
    ]);
    const wrong = await query([`${rql} FIRST`, "--live"]);
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining("not-for-monitors at 1:")]);
  }, 30_000);
});
