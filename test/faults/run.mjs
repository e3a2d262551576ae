/**
 * Runs a named fault: `npm run faults` lists them, `npm run faults -- NAME [--runs N --seed S]` runs
 * one and exits 1 on a broken promise. Each is a file beside this one.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";

const FAULTS = {
  agent: "hosts that embed the agent: faults 1-16 and 37-44, R5, G5, G7, G8, G12, G16",
  collector:
    "collector and store: kills, full and failing disks, damage, overload, its clock (rows 25-36, 44; R1, G1-G5)",
  fuzz: "damaged inputs into decoders, ingest and every route (faults 45, 46, R3, G6)",
  kill: "SIGKILL of the collector at random under load (fault 25, R1)",
  overload: "far more load than can be stored, slow peers, bombs (faults 14, 34, 35, 45; G9, G15)",
  rql: "all modes of evaluating a query against the interpreter (R7)",
  simulate: "whole systems from one seed, in virtual time (faults 11-13, 15, 16, 37-43; R2, R4)",
};

const [first, ...rest] = process.argv.slice(2);
const name = first === "--help" || first === "-h" ? undefined : first;
if (name === undefined || !Object.hasOwn(FAULTS, name)) {
  const list = Object.entries(FAULTS).map(([key, title]) => `  ${key.padEnd(9)}  ${title}\n`);
  const out = name === undefined ? process.stdout : process.stderr;
  out.write(`Usage: npm run faults -- NAME [--runs N] [--seed S] [--json]\n\n${list.join("")}`);
  process.exitCode = name === undefined ? 0 : 2;
} else {
  const file = join(import.meta.dirname, `${name}.mjs`);
  const child = spawn(process.execPath, [file, ...rest], { stdio: "inherit" });
  process.exitCode = await new Promise((resolve) =>
    child.once("exit", (code) => resolve(code ?? 1)),
  );
}
