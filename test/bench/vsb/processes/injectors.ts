/**
 * Faults that a tier does to itself. Each notes its own start and end, and what it knows of what it did; none
 * asks our agent or our sampler for anything.
 */
import { pbkdf2 } from "node:crypto";
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { FaultName } from "../faults.ts";
import type { Injected } from "./messages.ts";
import { monotonicMs } from "./monotonic.ts";
import type { Gate, Slots } from "./slots.ts";

/** What an injector may lay its hand on. */
export interface Target {
  /** Each request passes through it. */
  readonly gate: Gate;
  readonly pool: Slots;
  readonly lock: Slots;
  /** For files that it fills. */
  readonly directory: string;
  /** Steps the physical clock that the agent sees. */
  readonly stepClock: (byMs: number) => void;
}

const BLOCK_BYTES = 1024 * 1024;
/** The length of a file that a disk fault writes again and again. */
const FILE_BLOCKS = 16;
const ASYNC_WRITERS = 8;
/** Some 2 ms of a processor each, so that the fault ends when it should. */
const KEY_ROUNDS = 1_500;
const KEYS_AT_ONCE = 8;
/** Objects that a storm holds at a time before it lets go of all. */
const STORM_OBJECTS = 400_000;

type Outcome = Omit<Injected, "injected">;
type Injector = (durationMs: number, target: Target) => Outcome | Promise<Outcome>;

const INJECTORS: Readonly<Partial<Record<FaultName, Injector>>> = {
  "loop-block": (ms) => during(ms, () => undefined),
  "unused-tier": (ms) => during(ms, () => undefined),
  "under-noise": (ms) => during(ms, () => undefined),
  gc: (ms) => during(ms, collectNow),
  "gc-storm": (ms) => stormOf(ms),
  "sync-io": (ms, { directory }) => syncWrites(ms, directory),
  "async-io": (ms, { directory }) => asyncWrites(ms, directory),
  "libuv-pool": (ms) => deriveKeys(ms),
  pool: (ms, { pool }) => holdAll(ms, pool),
  lock: (ms, { lock }) => holdAll(ms, lock),
  "slow-handler": (ms, { gate }) => holdGate(ms, gate),
  "clock-step": async (ms, { stepClock }) => {
    const startMs = monotonicMs();
    stepClock(ms);
    await sleep(ms);
    stepClock(-ms);
    return { startMs, endMs: monotonicMs(), detail: {} };
  },
};

/** @throws if a tier cannot do this to itself */
export async function injectInside(
  fault: FaultName,
  durationMs: number,
  target: Target,
): Promise<Outcome> {
  const injector = INJECTORS[fault];
  if (injector === undefined) throw new Error(`${fault} is not done by a tier`);
  return await injector(durationMs, target);
}

let collect: (() => void) | undefined;

/** V8's full collection, without a flag on the command line. */
export function collectNow(): void {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
}

/** Repeats `step` on the loop until the time is over. */
function during(durationMs: number, step: () => void): Outcome {
  const startMs = monotonicMs();
  const before = process.cpuUsage();
  while (monotonicMs() - startMs < durationMs) step();
  const { user, system } = process.cpuUsage(before);
  return { startMs, endMs: monotonicMs(), detail: { cpuMs: (user + system) / 1_000 } };
}

function stormOf(durationMs: number): Outcome {
  let kept: unknown[] = [];
  return during(durationMs, () => {
    for (let i = 0; i < 1_000; i += 1) kept.push({ i, text: `object ${i}`, next: [i] });
    if (kept.length > STORM_OBJECTS) kept = [];
  });
}

function syncWrites(durationMs: number, directory: string): Outcome {
  const path = join(directory, `sync-${process.pid}`);
  const file = openSync(path, "w");
  const block = Buffer.alloc(BLOCK_BYTES, 1);
  let written = 0;
  try {
    return during(durationMs, () => {
      writeSync(file, block, 0, BLOCK_BYTES, (written % FILE_BLOCKS) * BLOCK_BYTES);
      written += 1;
      fsyncSync(file);
    });
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}

async function asyncWrites(durationMs: number, directory: string): Promise<Outcome> {
  const block = Buffer.alloc(BLOCK_BYTES, 1);
  const paths = Array.from({ length: ASYNC_WRITERS }, (_, i) =>
    join(directory, `async-${process.pid}-${i}`),
  );
  const files: FileHandle[] = [];
  try {
    for (const path of paths) files.push(await open(path, "w"));
    const startMs = monotonicMs();
    let written = 0;
    await Promise.all(
      files.map(async (file) => {
        while (monotonicMs() - startMs < durationMs) {
          await file.write(block, 0, BLOCK_BYTES, (written % FILE_BLOCKS) * BLOCK_BYTES);
          written += 1;
          await file.sync();
        }
      }),
    );
    return { startMs, endMs: monotonicMs(), detail: { writtenBytes: written * BLOCK_BYTES } };
  } finally {
    for (const file of files) await file.close();
    for (const path of paths) rmSync(path, { force: true });
  }
}

async function deriveKeys(durationMs: number): Promise<Outcome> {
  const startMs = monotonicMs();
  let derived = 0;
  const deriveUntilEnd = async (): Promise<void> => {
    while (monotonicMs() - startMs < durationMs) {
      await new Promise<void>((resolve, reject) => {
        pbkdf2("secret", "salt", KEY_ROUNDS, 32, "sha256", (error) =>
          error === null ? resolve() : reject(error),
        );
      });
      derived += 1;
    }
  };
  await Promise.all(Array.from({ length: KEYS_AT_ONCE }, deriveUntilEnd));
  return { startMs, endMs: monotonicMs(), detail: { derived } };
}

/** All requests that come meanwhile wait until it is over. */
export async function holdGate(durationMs: number, gate: Gate): Promise<Outcome> {
  const startMs = monotonicMs();
  const open = gate.close();
  await sleep(durationMs);
  open();
  return { startMs, endMs: monotonicMs(), detail: {} };
}

/** k of k. It begins when the last one is held: until then somebody was still served. */
async function holdAll(durationMs: number, slots: Slots): Promise<Outcome> {
  const releases = await Promise.all(Array.from({ length: slots.size }, () => slots.take()));
  const startMs = monotonicMs();
  await sleep(durationMs);
  for (const release of releases) release();
  return { startMs, endMs: monotonicMs(), detail: {} };
}
