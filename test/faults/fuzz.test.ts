/** The fuzz run at CI size; `npm run faults -- fuzz` is the long form (R3, G6). */
import { expect, it } from "vitest";
import { playFault } from "./play-fault.ts";

const RUNS = 30_000;

interface Target {
  readonly target: string;
  readonly inputs: number;
  readonly valid: number;
  readonly refusalKinds: number;
  readonly routes?: Readonly<Record<string, number>>;
}

interface Report {
  readonly failures: readonly unknown[];
  readonly reports: readonly Target[];
}

it("damaged inputs into decoders, ingest and every route: refused in words, soon, without a trace", async () => {
  const seed = Date.now() % 1_000_000;
  const words = ["--runs", String(RUNS), "--seed", String(seed)];
  const { code, lines, replay } = await playFault<Report>("fuzz", words);
  expect(lines, replay).toMatchObject([{ fault: "fuzz", kept: true, failures: [] }]);
  expect(code, replay).toBe(0);
  // Was anything reached at all? Each target let something through and refused something else.
  const byName = new Map(lines[0]?.reports.map((one) => [one.target, one]));
  for (const name of ["batch", "body", "log state", "directory", "ingest", "http"]) {
    expect(byName.get(name)?.valid, name).toBeGreaterThan(5);
    expect(byName.get(name)?.refusalKinds, name).toBeGreaterThan(4);
  }
  const { routes = {} } = byName.get("http") as Target;
  for (const path of ["/v1/batches", "/api/cut", "/api/diff", "/api/captures", "/healthz"]) {
    expect(routes[path], path).toBeGreaterThan(0);
  }
}, 120_000);
