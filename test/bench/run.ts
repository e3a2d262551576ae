/**
 * Runs benches: `npm run bench` lists them, `npm run bench -- NAME [--json]` runs one.
 *
 * It runs compiled, from dist/.bench, with plain Node against the compiled product: no test runner
 * and no loader stands between a figure and what a user gets.
 *
 * Exit codes: 0 measured, whether goals are met or not; 1 the bench broke; 2 usage.
 */
import { readdirSync } from "node:fs";
import { cpus } from "node:os";
import { type Figure, rowOf, tableOf } from "./figure.ts";

/** What a NAME.bench.ts exports. Importing it measures nothing. */
interface Bench {
  readonly title: string;
  readonly run: (report: (figure: Figure) => void) => Promise<void>;
}

const SUFFIX = ".bench.js";

async function main(args: readonly string[]): Promise<number> {
  if (args.some((arg) => arg === "--help" || arg === "-h")) {
    process.stdout.write(await listing());
    return 0;
  }
  const names = args.filter((arg) => !arg.startsWith("-"));
  const unknownFlag = args.find((arg) => arg.startsWith("-") && arg !== "--json");
  const [name] = names;
  if (unknownFlag !== undefined || names.length > 1) {
    process.stderr.write(`${unknownFlag ?? names[1]} is not understood\n${await listing()}`);
    return 2;
  }
  if (name === undefined) {
    process.stdout.write(await listing());
    return 0;
  }
  if (!benchNames().includes(name)) {
    process.stderr.write(`There is no bench called ${name}.\n${await listing()}`);
    return 2;
  }
  await runOne(name, args.includes("--json"));
  return 0;
}

async function runOne(name: string, asJson: boolean): Promise<void> {
  const bench = await load(name);
  if (!asJson) process.stdout.write(`${name}: ${bench.title}\n${machine()}\n\n`);
  const rows: ReturnType<typeof rowOf>[] = [];
  await bench.run((figure) => {
    const row = rowOf(name, figure);
    rows.push(row);
    if (asJson) process.stdout.write(`${JSON.stringify(row)}\n`);
  });
  if (!asJson) process.stdout.write(`${tableOf(rows)}\n`);
}

async function listing(): Promise<string> {
  const names = benchNames();
  const width = Math.max(0, ...names.map((name) => name.length));
  const lines = await Promise.all(
    names.map(async (name) => `  ${name.padEnd(width)}  ${(await load(name)).title}\n`),
  );
  const list = lines.length === 0 ? "  none yet\n" : lines.join("");
  return `Usage: npm run bench -- NAME [--json]\n\nBenches:\n${list}`;
}

function benchNames(): string[] {
  return readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => file.slice(0, -SUFFIX.length))
    .sort();
}

async function load(name: string): Promise<Bench> {
  return (await import(new URL(`${name}${SUFFIX}`, import.meta.url).href)) as Bench;
}

function machine(): string {
  const all = cpus();
  return `Node ${process.versions.node}, ${all.length} x ${all[0]?.model ?? "unknown processor"}`;
}

process.exitCode = await main(process.argv.slice(2));
