/**
 * R3: mutated batches into the decoder. Whatever comes, it answers with a valid batch or a RetroError,
 * soon, and touches nothing but what it returns.
 *
 * RETROSCOPE_FUZZ_INPUTS sets how many (long run: 100000000), RETROSCOPE_FUZZ_SEED the seed.
 */
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Batch } from "../../../agent/kernel/index.ts";
import {
  decodeBatch,
  encodeBatch,
  eventsOf,
  KindCode,
  RetroError,
  splitFrames,
  ValueTag,
} from "../../../agent/kernel/index.ts";
import { batchArbitrary, batchWithSideBlocks } from "../../support/batches.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { mutate } from "../../support/wire-mutations.ts";

const INPUTS = Number(process.env["RETROSCOPE_FUZZ_INPUTS"] ?? 1_000_000);
const SEED = Number(process.env["RETROSCOPE_FUZZ_SEED"] ?? 20_261_121);
/** Alone on a core nothing comes near it; a busy machine may stall a call, so it must be slow each time. */
const SLOW_MS = 50;
const SLOW_TIMES = 5;
/** Of the batches that are still valid, each n-th is read to its end and written again. */
const LOOK_AT_EACH = 4;
const CODES = new Set(["bad-batch", "too-large", "unsupported-version"]);
const FIXTURES = new URL("../../fixtures/wire/v1/", import.meta.url);

it(`answers ${INPUTS.toLocaleString("en-US")} damaged batches with a batch or a RetroError (seed ${SEED})`, () => {
  const frames = [
    ...fc.sample(batchWithSideBlocks, { seed: SEED, numRuns: 200 }).map(encodeBatch),
    ...readdirSync(FIXTURES)
      .filter((file) => file.endsWith(".bin"))
      .map((file) => new Uint8Array(readFileSync(new URL(file, FIXTURES)))),
  ];
  const random = seededRandom(SEED);
  const pick = (): Uint8Array => frames[Math.floor(random() * frames.length)] as Uint8Array;
  const prototypeBefore = Reflect.ownKeys(Object.prototype).length;
  const tally = { sealed: 0, valid: 0, refusals: new Map<string, number>(), slow: [] as string[] };

  for (let run = 0; run < INPUTS; run += 1) {
    const { bytes, isSealed } = mutate(pick(), pick(), random);
    if (isSealed) tally.sealed += 1;
    const start = performance.now();
    let batch: Batch | undefined;
    try {
      batch = decodeBatch(bytes);
    } catch (error) {
      if (!(error instanceof RetroError) || !CODES.has(error.code))
        throw failure(run, bytes, error);
      const why = error.message.replace(/\d+/g, "#");
      tally.refusals.set(why, (tally.refusals.get(why) ?? 0) + 1);
    }
    const ms = performance.now() - start;
    if (ms > SLOW_MS) tally.slow.push(`run ${run}: ${ms.toFixed(0)} ms, ${hex(bytes)}`);
    if (batch === undefined) continue;
    tally.valid += 1;
    if (tally.valid % LOOK_AT_EACH !== 0) continue;
    try {
      checkBatch(batch);
    } catch (error) {
      throw failure(run, bytes, error);
    }
  }

  expect(Reflect.ownKeys(Object.prototype).length).toBe(prototypeBefore);
  // Was the decoder reached at all? Most sealed inputs get past the frame, many are still valid.
  expect(tally.valid).toBeGreaterThan(INPUTS / 50);
  expect(tally.refusals.size).toBeGreaterThan(INPUTS >= 100_000 ? 35 : 5);
  for (const slow of tally.slow) expect(isSlowAgain(slow), slow).toBe(false);
}, 86_400_000);

it("finds no frame, or whole ones, in damaged bodies", () => {
  const frames = fc.sample(batchArbitrary, { seed: SEED, numRuns: 20 }).map(encodeBatch);
  const random = seededRandom(SEED);
  for (let run = 0; run < 20_000; run += 1) {
    const [one, two] = [frames[run % 20] as Uint8Array, frames[(run * 7) % 20] as Uint8Array];
    const { bytes } = mutate(Uint8Array.from([...one, ...two]), one, random);
    try {
      const found = splitFrames(bytes);
      expect(found.reduce((size, frame) => size + frame.length, 0)).toBe(bytes.length);
    } catch (error) {
      if (!(error instanceof RetroError) || !CODES.has(error.code)) throw error;
    }
  }
});

/** Everything that batch.ts promises of a batch, and that it can be written again. */
function checkBatch(batch: Batch): void {
  const { header, events } = batch;
  const { count, t, kind, ref, valueTag, valueNumber, variables, values, bodies } = events;
  expect(count).toBe(header.lastSeq - header.firstSeq + 1);
  let before: number = header.firstT;
  for (let i = 0; i < count; i += 1) {
    const now = t[i] as number;
    const limit = (kind[i] as number) > KindCode.remove ? bodies.length : variables.length;
    const tag = valueTag[i] as number;
    const isListed = tag !== ValueTag.other && tag !== ValueTag.cutShort;
    if (!Number.isSafeInteger(now) || now < before) throw new Error(`t falls at ${i}`);
    if ((ref[i] as number) >= limit) throw new Error(`ref out of range at ${i}`);
    if (!isListed && (valueNumber[i] as number) >= values.length) {
      throw new Error(`value out of range at ${i}`);
    }
    before = now;
  }
  if (count > 0 && (before !== header.lastT || t[0] !== header.firstT)) throw new Error("ends");
  let rows = 0;
  for (const event of eventsOf(batch)) {
    if (event.kind === undefined || event.seq !== header.firstSeq + rows) throw new Error("rows");
    rows += 1;
  }
  const again = encodeBatch(batch);
  if (hex(encodeBatch(decodeBatch(again))) !== hex(again)) throw new Error("has a second form");
}

function failure(run: number, bytes: Uint8Array, cause: unknown): Error {
  return new Error(`run ${run} of seed ${SEED}: ${String(cause)}\n${hex(bytes)}`, { cause });
}

/** Whether it is slow each time: what is slow by itself is, what the machine held up is not. */
function isSlowAgain(slow: string): boolean {
  const bytes = new Uint8Array(Buffer.from(slow.split(", ").at(-1) ?? "", "hex"));
  for (let time = 0; time < SLOW_TIMES; time += 1) {
    const start = performance.now();
    try {
      decodeBatch(bytes);
    } catch {
      // refused, as before
    }
    if (performance.now() - start <= SLOW_MS) return false;
  }
  return true;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
