/** What a built page weighs, as the network carries it: at first load, and what comes later. */
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";

/** Bytes after gzip of the page and everything that it loads by itself. */
export async function firstLoadBytes(folder: string): Promise<number> {
  const files = await firstFiles(folder);
  return weigh(folder, ["index.html", ...files]);
}

/** Bytes after gzip of a part that is loaded on first use, with what it needs and the page has not. */
export async function laterBytes(folder: string, part: RegExp): Promise<number> {
  const known = new Set(await firstFiles(folder));
  const names = await readdir(join(folder, "assets"));
  const waiting = names.filter((name) => part.test(name)).map((name) => `assets/${name}`);
  if (waiting.length === 0) throw new Error(`no file of the page is called ${part}`);
  const found: string[] = [];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (known.has(file)) continue;
    known.add(file);
    found.push(file);
    const code = await readFile(join(folder, file), "utf8");
    for (const [, needed = ""] of code.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) {
      waiting.push(`assets/${basename(needed)}`);
    }
  }
  return weigh(folder, found);
}

/** The files that index.html names: its scripts, what those import at once, and its styles. */
async function firstFiles(folder: string): Promise<readonly string[]> {
  const html = await readFile(join(folder, "index.html"), "utf8");
  return [...html.matchAll(/(?:src|href)="\/([^"]+)"/g)].map(([, name = ""]) => name);
}

async function weigh(folder: string, files: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const file of files) bytes += gzipSync(await readFile(join(folder, file))).length;
  return bytes;
}
