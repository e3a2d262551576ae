/**
 * libfaketime for a process under test: its wall clock is moved while it runs, its monotonic clock stays
 * real, so timers run on. The offset stands in a file that libfaketime reads again at each look.
 */
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PLACES = [
  "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
  "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
  "/usr/lib64/faketime/libfaketime.so.1",
  "/usr/lib/faketime/libfaketime.so.1",
  "/usr/local/lib/faketime/libfaketime.so.1",
];

const library = PLACES.find((path) => existsSync(path));

/** Why rows that need it are skipped; undefined: it is there. */
export const noFakeTime =
  library === undefined ? "libfaketime is not here (apt-get install faketime)" : undefined;

export class FakeTime {
  #path;

  constructor(directory, name) {
    this.#path = join(directory, `${name}.faketime`);
    this.set("+0");
  }

  /** Of the process to be started. */
  get env() {
    return {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#path,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      // Times of files stay real: the agent's directory is not what is under test.
      NO_FAKE_STAT: "1",
    };
  }

  /** `+30`, `-0.001`, `+0 x1.05`: seconds, and a rate. Written aside and renamed, so it is never half there. */
  set(offset) {
    writeFileSync(`${this.#path}.new`, `${offset}\n`);
    renameSync(`${this.#path}.new`, this.#path);
  }
}
