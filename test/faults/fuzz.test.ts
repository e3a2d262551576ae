/** The fuzz run at CI size; `npm run faults -- fuzz` is the long form (R3, G6). */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

const RUNS = 30_000;

interface Report {
  readonly target: string;
  readonly inputs: number;
  readonly valid: number;
  readonly refusalKinds: number;
  readonly routes?: Readonly<Record<string, number>>;
}

it("damaged inputs into decoders, ingest and every route: refused in words, soon, without a trace", async () => {
  const seed = Date.now() % 1_000_000;
  const script = join(import.meta.dirname, "fuzz.mjs");
  const child = spawn(
    process.execPath,
    [script, "--runs", String(RUNS), "--seed", String(seed), "--json"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let text = "";
  child.stdout.on("data", (part) => {
    text += String(part);
  });
  const code = await new Promise((resolve) => child.once("exit", resolve));
  const report = JSON.parse(text);
  const again = `npm run faults -- fuzz --runs ${RUNS} --seed ${seed}`;
  expect(report.failures, again).toEqual([]);
  expect(report).toMatchObject({ fault: "fuzz", kept: true });
  expect(code).toBe(0);
  // Was anything reached at all? Each target let something through and refused something else.
  const byName = new Map<string, Report>(report.reports.map((one: Report) => [one.target, one]));
  for (const name of ["batch", "body", "log state", "directory", "ingest", "http"]) {
    expect(byName.get(name)?.valid, name).toBeGreaterThan(5);
    expect(byName.get(name)?.refusalKinds, name).toBeGreaterThan(4);
  }
  const { routes = {} } = byName.get("http") as Report;
  for (const path of ["/v1/batches", "/api/cut", "/api/diff", "/api/captures", "/healthz"]) {
    expect(routes[path], path).toBeGreaterThan(0);
  }
}, 120_000);
