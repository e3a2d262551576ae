/**
 * strace as a fault injector and as a recorder. It follows threads (LMDB writes and syncs from the thread
 * pool) and is the collector's grandchild (`-D`), so that the collector keeps the pid it was started with.
 *
 * Traps: a call must be in the traced set to be injected; `when=n` counts per thread and per
 * call by name; `-P` narrows both to
 * calls on that file.
 */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { sleep, until } from "../agent/waiting.mjs";

/** Why rows with strace cannot run; undefined: they can. */
export function noStrace() {
  const { status, stderr } = spawnSync("strace", ["-f", "-o", "/dev/null", "true"], {
    timeout: 10_000,
  });
  if (status === 0) return undefined;
  if (status === null) return "needs strace: apt-get install strace";
  return `strace may not trace here (ptrace is forbidden): ${String(stderr).split("\n")[0]}`;
}

/** Words to put before a command, so that it runs under strace from its first call. */
export function underStrace({ calls, inject = [], output, more = [] }) {
  const rules = inject.flatMap((rule) => ["-e", `inject=${rule}`]);
  return ["strace", "-D", "-f", "-ttt", "-o", output, "-e", `trace=${calls}`, ...rules, ...more];
}

/** Attaches to a running process; resolves once injection is on. `detach()` takes it off again. */
export async function attach(pid, { calls, inject = [], output, more = [] }) {
  const rules = inject.flatMap((rule) => ["-e", `inject=${rule}`]);
  const words = [
    "-f",
    "-ttt",
    "-p",
    String(pid),
    "-o",
    output,
    "-e",
    `trace=${calls}`,
    ...rules,
    ...more,
  ];
  const child = spawn("strace", words, { stdio: ["ignore", "ignore", "pipe"] });
  let err = "";
  child.stderr.on("data", (part) => {
    err += String(part);
  });
  const gone = new Promise((resolve) => child.once("close", resolve));
  const isOn = () => {
    if (child.exitCode !== null) throw new Error(`strace ended: ${err}`);
    return /attached/.test(err);
  };
  await until("strace is attached", isOn, 15_000, 10);
  await sleep(50);
  return {
    gone,
    async detach() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      const killer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await gone;
      clearTimeout(killer);
    },
  };
}

/** The lines of a trace on which something was injected. */
export function injectedCalls(output) {
  return readFileSync(output, "latin1")
    .split("\n")
    .filter((line) => line.includes("(INJECTED)"));
}
