/**
 * The collector of a run, as a process: the product's own, as `npx retroscope collector` starts it.
 *
 * It is at home on a machine of its own. Here it shares the processors with the tiers that are measured, so it gives
 * way to them (`nice`, of coreutils; its threads are started with it and inherit that): what it does must not stall a
 * tier, and be found by itself.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bareEnvironment } from "./child.ts";

const MAIN = fileURLToPath(new URL("../../../collector/main.js", import.meta.url));
/** Of 19: a tenth of the weight of a process that gives no way. */
const NICENESS = 10;
const READY_MS = 60_000;
const END_MS = 15_000;

export interface CollectorProcess {
  readonly url: string;
  /** May be called twice. */
  end(): Promise<void>;
}

/** @param data its history: empty, or one that a run kept */
export async function startCollector(data: string): Promise<CollectorProcess> {
  const command = [process.execPath, MAIN, "collector", "--port", "0", "--data", data];
  const child = spawn("nice", ["-n", String(NICENESS), ...command], {
    stdio: ["ignore", "pipe", "ignore"],
    env: bareEnvironment(),
  });
  const end = (): Promise<void> => endOf(child);
  try {
    const url = await addressOf(child);
    const deadline = performance.now() + READY_MS;
    while ((await fetch(`${url}/readyz`)).status !== 200) {
      if (performance.now() > deadline) throw new Error("the collector does not become ready");
      await sleep(20);
    }
    return { url, end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
  await ended;
  clearTimeout(timer);
}

/** Listened to, not iterated: to leave a loop over a stream closes it, and the collector goes on talking. */
function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(
      () => reject(new Error(`the collector says no address: ${text}`)),
      READY_MS,
    );
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      text = (text + chunk).slice(-4_096);
      const found = /http:\/\/\S+/.exec(text)?.[0];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    });
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`the collector ended (${code}): ${text}`));
    });
  });
}
