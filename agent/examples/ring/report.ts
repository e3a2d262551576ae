/** Prints what the cuts of a run have shown. */
import type { Answer, Found } from "./answer.ts";

export function printAnswer(print: (line: string) => void, { calms, steps, faults }: Answer): void {
  print("");
  print(row("not one connected ring", "cuts", "stretches", "ms", "complete"));
  const [before, after] = calms;
  if (before) printFound(print, "calm, before", before);
  for (const step of steps) printFound(print, step.text, step);
  if (after) printFound(print, "calm, after", after);
  print("");
  if ([...calms, ...steps].some(({ complete }) => !complete)) {
    print(
      "complete: no = what a killed node did last may never have been told; the answer says so.",
    );
  }
  for (const fault of faults) print(`  ! ${fault}`);
  print(faults.length === 0 ? "PASS" : "FAIL");
}

function printFound(print: (line: string) => void, label: string, found: Found): void {
  const { cuts, broken, brokenMs, complete } = found;
  const numbers = [cuts, broken].map(String);
  print(row(`  ${label}`, ...numbers, brokenMs.toFixed(0), complete ? "yes" : "no"));
}

function row(label: string, ...cells: readonly string[]): string {
  return `${label.padEnd(44)}${cells.map((cell) => cell.padStart(11)).join("")}`;
}
