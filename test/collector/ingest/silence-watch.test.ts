/** What is remembered of silence. That nodes expire by it, and when: ingest.test.ts and its neighbours. */
import { expect, it } from "vitest";
import { SilenceWatch } from "../../../collector/ingest/silence-watch.ts";
import { anEpoch } from "../store/history-store.contract.ts";
import { ManualTimers } from "./support.ts";

it("Signs of life go with the runs that are over, however many there were", () => {
  const timers = new ManualTimers();
  const watch = new SilenceWatch({ timers, expireAfterMs: 60_000, onSweep: () => {} });
  const runs = 5_000;
  const living = anEpoch(runs);
  timers.advance(61_000);
  for (let id = 1; id <= runs; id += 1) watch.heard(id);
  expect(watch.expired([living])).toEqual([]);
  expect(watch.heardCount).toBe(1);
  // What is remembered of the living is what it was.
  timers.advance(59_000);
  expect(watch.expired([living])).toEqual([]);
  timers.advance(2_000);
  expect(watch.expired([living])).toEqual([living]);
  watch.stop();
});
