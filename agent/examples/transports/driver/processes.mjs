/** Starts and ends the processes of an example. Each says on standard output where it listens. */
import { spawn } from "node:child_process";

const START_WAIT_MS = 20_000;
const STOP_WAIT_MS = 8_000;
/** Of what a process printed, the last so many characters are kept for error messages. */
const KEPT_CHARACTERS = 4_000;

export class Processes {
  #running = [];

  /**
   * Starts `node args`, and waits until it prints `announcement`.
   * @returns {Promise<RegExpExecArray>} what the announcement's pattern matched
   */
  start(name, args, environment, announcement) {
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const running = { name, child, printed: "" };
    this.#running.push(running);
    return new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`${name} ${why}:\n${running.printed}`));
      const timer = setTimeout(() => fail("said nothing for too long"), START_WAIT_MS);
      const onText = (text) => {
        running.printed = (running.printed + text).slice(-KEPT_CHARACTERS);
        const match = announcement.exec(running.printed);
        if (match === null) return;
        clearTimeout(timer);
        resolve(match);
      };
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding("utf8").on("data", onText);
      child.once("exit", (code, signal) => {
        clearTimeout(timer);
        fail(`ended with ${signal ?? code}`);
      });
    });
  }

  /** Ends the named process, or all, last started first: SIGTERM, and SIGKILL after 8 s. */
  async stop(name) {
    const chosen = this.#running.filter((each) => name === undefined || each.name === name);
    this.#running = this.#running.filter((each) => !chosen.includes(each));
    for (const { child } of chosen.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_WAIT_MS);
      await gone;
      clearTimeout(timer);
    }
  }
}

/** Asks every 50 ms until `condition` answers something true; returns it. */
export async function waitFor(what, timeoutMs, condition) {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await condition().catch(() => undefined);
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
