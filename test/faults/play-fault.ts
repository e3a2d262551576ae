/** Plays a fault as `npm run faults -- NAME --json` does, and reads what it prints: a line, an object. */
import { spawn } from "node:child_process";
import { join } from "node:path";

export interface Played<Line> {
  /** The exit code; null: ended by a signal. */
  readonly code: number | null;
  readonly lines: readonly Line[];
  /** What plays it again by hand. */
  readonly replay: string;
}

export async function playFault<Line>(
  name: string,
  words: readonly string[],
): Promise<Played<Line>> {
  const script = join(import.meta.dirname, `${name}.mjs`);
  const child = spawn(process.execPath, [script, ...words, "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  // Not "exit": then the last of its words may still be on their way.
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const replay = ["npm run faults --", name, ...words].join(" ");
  const lines = text.split("\n").filter((line) => line !== "");
  if (lines.length === 0) throw new Error(`it said nothing, and ended with ${code}: ${replay}`);
  return { code, lines: lines.map((line) => JSON.parse(line) as Line), replay };
}
