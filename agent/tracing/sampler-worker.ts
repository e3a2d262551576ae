/** The sampler's thread: its loop (sampler-loop.ts) on real time, files and thread pool. Started by sampler.ts. */
import { fstat, openSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { machineTime } from "../kernel/index.ts";
import { tableOver, Word } from "./open-requests.ts";
import type { SamplerSeed } from "./sampler.ts";
import { openSignalFiles } from "./sampler-files.ts";
import { SamplerLoop, TICK_MS } from "./sampler-loop.ts";

const { buffer, threadId } = workerData as SamplerSeed;
const table = tableOver(buffer);
const files = openSignalFiles(threadId);

/** Looking at a file that is open: the job itself takes a microsecond, so what is seen is the wait for a thread. */
const probed = openProbed();
const loop = new SamplerLoop({
  table,
  files,
  nowUs: () => machineTime.monotonicMs() * 1_000,
  probe: probed === undefined ? undefined : (done) => fstat(probed, done),
  post: (second, bytes) =>
    parentPort?.postMessage({ second, bytes }, [bytes.buffer as ArrayBuffer]),
});

const ticking = setInterval(() => {
  if (Atomics.load(table.words, Word.end) === 1) clearInterval(ticking);
  else loop.tick();
}, TICK_MS);

function openProbed(): number | undefined {
  try {
    return openSync(process.execPath, "r");
  } catch {
    return undefined;
  }
}
