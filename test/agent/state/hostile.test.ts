/**
 * Values that no host should record. `RETROSCOPE_HOSTILE_VALUES=1000000` for the long run: see test/README.md.
 */
import { isDeepStrictEqual } from "node:util";
import { expect, it } from "vitest";
import { keyedHash } from "../../../agent/keyed-hash.ts";
import { resolveRedact } from "../../../agent/redact-config.ts";
import { takeIn } from "../../../agent/state/intake.ts";
import { STATE_LIMITS } from "../../../agent/state/limits.ts";
import { Redaction } from "../../../agent/state/redaction.ts";
import { hostileValue } from "../../support/hostile-values.ts";
import { recordingParts } from "../../support/recording-parts.ts";

/** The first value's; each failure names its own. */
const given = process.env["RETROSCOPE_TEST_SEED"];
const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
const COUNT = Number(process.env["RETROSCOPE_HOSTILE_VALUES"] ?? 100_000);
/** Looked at more closely: all invariants, and the host's objects against fresh ones. */
const CLOSE_EVERY = 20;
/** Generous: a collection of garbage on a busy machine is inside. What is not bounded takes minutes. */
const MAX_CALL_MS = 2_000;
const LONE_SURROGATE = /\p{Surrogate}/u;

it(`records ${COUNT} hostile values without a throw, each in bounded time and size`, () => {
  const rules = resolveRedact({}, {});
  const redaction = new Redaction(rules, keyedHash(undefined), keyedHash(undefined));
  const parts = recordingParts({ redaction, isShipped: false });
  const log = parts.log("l");
  const logRules = redaction.forLog("l");
  let slowestMs = 0;
  let slowest = -1;
  for (let i = 0; i < COUNT; i += 1) {
    const id = seed + i;
    const { value, probe } = hostileValue(id);
    const start = performance.now();
    if (i % 3 === 0) log.add("s", value);
    else log.set(`k${i % 50}`, value);
    const ms = performance.now() - start;
    if (ms > slowestMs) [slowestMs, slowest] = [ms, id];
    // Objects that are shared stand in several places, each of which reads them: once per place.
    if (probe.mostRuns() > STATE_LIMITS.valueEntries)
      throw new Error(`value ${id} ran without end`);
    if (i % CLOSE_EVERY === 0) {
      const taken = takeIn(value, logRules, 1);
      const text = JSON.stringify(taken.value);
      const limit = STATE_LIMITS.valueBytes + STATE_LIMITS.marksBytes;
      if (taken.bytes > limit) throw new Error(`value ${id} has ${taken.bytes} bytes`);
      if (text === undefined || LONE_SURROGATE.test(text)) throw new Error(`value ${id}: ${text}`);
    }
  }
  expect(parts.guard.errorCount).toBe(0);
  expect(slowestMs, `value ${slowest}`).toBeLessThan(MAX_CALL_MS);
  expect(Object.keys(parts.snapshots.take().logs["l"] ?? {}).length).toBeGreaterThan(40);
}, 300_000);

it("alters nothing of the host, and runs each getter and toJSON once", () => {
  for (let i = 0; i < 5_000; i += 1) {
    const id = seed + i;
    const { value } = hostileValue(id);
    takeIn(value);
    let isSame: boolean;
    try {
      isSame = isDeepStrictEqual(value, hostileValue(id).value);
    } catch {
      continue; // it cannot be compared: it throws at whoever looks
    }
    if (!isSame && isComparable(id)) throw new Error(`value ${id} was altered`);
  }
  const runs = { getter: 0, toJson: 0, valueOf: 0 };
  const host = {
    get a() {
      runs.getter += 1;
      return 1;
    },
    inner: {
      toJSON() {
        runs.toJson += 1;
        return { b: 2 };
      },
    },
  };
  expect(takeIn(host).value).toEqual({ a: 1, inner: { b: 2 } });
  expect(runs).toEqual({ getter: 1, toJson: 1, valueOf: 0 });
});

/** Two makings of one value are equal, unless functions, symbols or promises are in it. */
function isComparable(id: number): boolean {
  try {
    return isDeepStrictEqual(hostileValue(id).value, hostileValue(id).value);
  } catch {
    return false;
  }
}
