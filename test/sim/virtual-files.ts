/**
 * The disk of the agents' machines: what `node:fs` does below `/retroscope-simulated/` happens in memory
 * and in virtual time. Writing beside and renaming takes a while; who is killed meanwhile leaves the old
 * file. Everything else goes to the real file system.
 *
 * `syncBuiltinESMExports` carries replaced functions into modules that imported them by name.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import type { Chance } from "./chance.ts";
import type { VirtualTime } from "./virtual-time.ts";

export const SIMULATED_ROOT = "/retroscope-simulated/";

const real = {
  mkdirSync: fs.mkdirSync,
  readFileSync: fs.readFileSync,
  writeFileSync: fs.writeFileSync,
  renameSync: fs.renameSync,
  writeFile: fs.promises.writeFile,
  rename: fs.promises.rename,
};

export class VirtualFiles {
  readonly #time: VirtualTime;
  readonly #chance: Chance;
  readonly #texts = new Map<string, string>();
  /** By directory: rises with each kill, and what was on its way then is gone. */
  readonly #kills = new Map<string, number>();
  /** Share of writes that fail for want of room. */
  fullRate = 0;
  failedCount = 0;

  constructor(time: VirtualTime, chance: Chance) {
    this.#time = time;
    this.#chance = chance;
  }

  /** Takes the place of the file functions; the result puts the real ones back. */
  install(): () => void {
    const isOurs = (path: unknown): path is string =>
      typeof path === "string" && path.startsWith(SIMULATED_ROOT);
    const instead: Record<keyof typeof real, (...given: unknown[]) => unknown> = {
      mkdirSync: () => undefined,
      readFileSync: (path) => this.#read(path as string),
      writeFileSync: (path, text) => this.#write(path as string, text as string),
      renameSync: (from, to) => this.#rename(from as string, to as string),
      writeFile: (path, text) =>
        this.#later(path as string, () => this.#write(path as string, text as string)),
      rename: (from, to) =>
        this.#later(to as string, () => this.#rename(from as string, to as string)),
    };
    for (const name of Object.keys(real) as (keyof typeof real)[]) {
      const owner = (name === "writeFile" || name === "rename" ? fs.promises : fs) as unknown as {
        [name: string]: unknown;
      };
      const original = real[name] as (...given: unknown[]) => unknown;
      owner[name] = (...given: unknown[]) =>
        isOurs(given[0]) ? instead[name](...given) : original(...given);
    }
    syncBuiltinESMExports();
    return () => {
      Object.assign(fs, { ...real, writeFile: fs.writeFile, rename: fs.rename });
      Object.assign(fs.promises, { writeFile: real.writeFile, rename: real.rename });
      syncBuiltinESMExports();
    };
  }

  /** Whose files are there is dead: what was being written is not. */
  kill(directory: string): void {
    this.#kills.set(directory, (this.#kills.get(directory) ?? 0) + 1);
  }

  wipe(directory: string): void {
    for (const path of this.#texts.keys()) {
      if (path.startsWith(`${directory}/`)) this.#texts.delete(path);
    }
  }

  #later(path: string, act: () => void): Promise<void> {
    const directory = path.slice(0, path.lastIndexOf("/"));
    const kills = this.#kills.get(directory) ?? 0;
    return new Promise((resolve, reject) => {
      this.#time.after(this.#chance.between(0, 30), () => {
        if ((this.#kills.get(directory) ?? 0) !== kills) return;
        try {
          act();
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #read(path: string): string {
    const text = this.#texts.get(path);
    if (text === undefined) throw errorOf("ENOENT", path);
    return text;
  }

  #write(path: string, text: string): void {
    if (this.#chance.isTrue(this.fullRate)) {
      this.failedCount += 1;
      throw errorOf("ENOSPC", path);
    }
    this.#texts.set(path, text);
  }

  #rename(from: string, to: string): void {
    this.#texts.set(to, this.#read(from));
    this.#texts.delete(from);
  }
}

function errorOf(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
