/** The version of this package, from the package.json above whichever folder we run from. */
import { readFileSync } from "node:fs";

let known: string | undefined;

export function packageVersion(): string {
  known ??= readVersion();
  return known;
}

function readVersion(): string {
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), "utf8");
      const { name, version } = JSON.parse(text) as { name?: string; version?: string };
      if (name === "retroscope" && version !== undefined) return version;
    } catch {
      // not that folder
    }
  }
  return "unknown";
}
