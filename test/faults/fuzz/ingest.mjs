/**
 * Bodies into ingest, over a store that is watched: a refused body leaves not a byte, and an accepted one
 * is stored once. One body is on its way at a time, so whatever was written is its own.
 */
import { machineTime, RetroError, ticksFromUnixMs } from "#dist/agent/kernel/index.js";
import { Ingest } from "#dist/collector/ingest/ingest.js";
import { MemoryStore } from "#dist/collector/store/memory-store.js";
import { damagedFrame, hex, isRefusal } from "./decoders.mjs";
import { mutated } from "./mutate.mjs";
import { NOW_MS, sampleBatch } from "./samples.mjs";
import { Tally } from "./tally.mjs";

/** A store is filled with so many bodies, then another is taken: what is small stays fast. */
const BODIES_PER_STORE = 2_000;

export async function fuzzIngest(inputs, chance) {
  const tally = new Tally("ingest");
  let target;
  for (let i = 0; i < inputs && !tally.isFull; i += 1) {
    if (i % BODIES_PER_STORE === 0) {
      await target?.ingest.close();
      target = await aTarget(chance);
    }
    await one(target, chance, tally);
  }
  await target?.ingest.close();
  return tally.report();
}

async function aTarget(chance) {
  const store = new MemoryStore();
  const written = { batches: 0, epochs: 0 };
  const write = store.write.bind(store);
  store.write = (what) => {
    written.batches += what.batches.length;
    written.epochs += what.epochs.length;
    return write(what);
  };
  const timers = {
    wallMs: () => NOW_MS,
    monotonicMs: () => machineTime.monotonicMs(),
    now: () => ticksFromUnixMs(NOW_MS),
    after: () => () => {},
    turn: () => new Promise((resolve) => setImmediate(resolve)),
  };
  // Rates are another matter.
  const boundless = { bytesPerSecond: 1e12, burstBytes: 1e12, leastBytes: 1 };
  const ingest = new Ingest({ store, timers, nodeRate: boundless });
  const seeds = [];
  for (const node of ["n1", "n2", "käse"]) {
    for (let firstSeq = 1; firstSeq < 400; firstSeq += 40) {
      seeds.push(sampleBatch({ node, firstSeq, count: 40, chance }));
    }
    seeds.push(sampleBatch({ node, firstSeq: 401, count: 0, chance }));
  }
  return { store, ingest, written, seeds };
}

async function one({ store, ingest, written, seeds }, chance, tally) {
  const frame = () =>
    chance.in(0.4) ? chance.of(seeds) : damagedFrame(chance.of(seeds), chance.of(seeds), chance);
  const frames = Array.from({ length: 1 + chance.below(3) }, frame);
  const whole = new Uint8Array(Buffer.concat(frames));
  const body = chance.in(0.1) ? mutated(whole, chance.of(seeds), chance) : whole;
  const show = () => hex(body);
  const before = { ...written };
  const eventsBefore = eventsIn(store);
  const start = performance.now();
  tally.inputs += 1;
  try {
    const { acks } = await ingest.submit(body);
    tally.valid += 1;
    const storedCount = acks.reduce((sum, ack) => sum + ack.storedCount, 0);
    if (eventsIn(store) - eventsBefore !== storedCount) {
      tally.failed("acknowledged other than what is stored", show());
    }
  } catch (error) {
    if (isRefusal(error)) tally.refused(error);
    else tally.failed(String(error?.stack ?? error), show());
    if (error instanceof RetroError && error.code === "overloaded")
      tally.failed("overloaded", show());
    if (written.batches !== before.batches || written.epochs !== before.epochs) {
      const what = `${written.batches - before.batches} batches, ${written.epochs - before.epochs} epochs`;
      tally.failed(`a refused body was stored in part (${what}; ${error.message})`, show());
    }
  }
  tally.slowestMs = Math.max(tally.slowestMs, performance.now() - start);
  if (tally.inputs % 256 === 0) tally.checkPrototype(show);
}

function eventsIn(store) {
  return store.epochs().reduce((sum, { eventCount }) => sum + eventCount, 0);
}
