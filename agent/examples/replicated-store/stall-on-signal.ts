/**
 * Stalls that are planted into this process from outside, for `npm run demo -- --stalls` (stalls.ts): by SIGUSR2 it
 * computes and computes, by SIGHUP it collects garbage again and again. Meanwhile nobody is answered, and no handler
 * of ours knows of it.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export const STALL_MS = 150;

export function stallOnSignal(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  process.on("SIGUSR2", () => blockWith(() => undefined));
  process.on("SIGHUP", () => blockWith(collect));
}

function blockWith(step: () => void): void {
  const endMs = performance.now() + STALL_MS;
  while (performance.now() < endMs) step();
}
