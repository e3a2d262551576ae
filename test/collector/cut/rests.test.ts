/** The share of the thread that sealing has while ingest goes on. */
import { describe, expect, it } from "vitest";
import { createHistory } from "../../../collector/cut/create-history.ts";
import { LONGEST_REST_MS, REST_SHARE, Rests } from "../../../collector/cut/rests.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { ManualTimers } from "../../support/manual-timers.ts";
import { MESSAGE_TIMEOUT_MS, makeHistory } from "../../support/random-history.ts";
import { storeStage } from "../../support/store-history.ts";

/** Whether it has come to its end once all that is ready has run. */
async function isOver(waiting: Promise<void>): Promise<boolean> {
  let over = false;
  void waiting.then(() => {
    over = true;
  });
  for (let i = 0; i < 10; i += 1) await Promise.resolve();
  return over;
}

describe("rests of work behind ingest", () => {
  it.each([
    ["nothing was stored since", 50, 0, 0],
    ["something was stored", 50, 1, 50 * REST_SHARE],
    ["very much was done: no longer than a second", 60_000, 1, LONGEST_REST_MS],
    ["next to nothing was done", 1, 1, 0],
    ["the clock was set back", -3_600_000, 1, 0],
  ])("last, where %s", async (_, workedMs, storedCount, restMs) => {
    const timers = new ManualTimers(0);
    const rests = new Rests(timers);
    for (let i = 0; i < storedCount; i += 1) rests.noteStored();
    rests.noteWorked(workedMs);
    const rest = rests.due();
    expect(await isOver(rest)).toBe(restMs === 0);
    if (restMs === 0) return;
    timers.advanceMs(restMs - 1);
    expect(await isOver(rest)).toBe(false);
    timers.advanceMs(1);
    expect(await isOver(rest)).toBe(true);
    // What was rested from once is not rested from again.
    rests.noteStored();
    expect(await isOver(rests.due())).toBe(true);
  });

  it("are owed for many short works together", async () => {
    const timers = new ManualTimers(0);
    const rests = new Rests(timers);
    rests.noteStored();
    rests.noteWorked(1);
    expect(await isOver(rests.due())).toBe(true);
    rests.noteWorked(1);
    const rest = rests.due();
    expect(await isOver(rest)).toBe(false);
    timers.advanceMs(2 * REST_SHARE);
    expect(await isOver(rest)).toBe(true);
  });

  it("end when somebody waits for the work, and begin again behind him", async () => {
    const rests = new Rests(new ManualTimers(0));
    const tire = (): Promise<void> => {
      rests.noteStored();
      rests.noteWorked(100);
      return rests.due();
    };
    const rest = tire();
    expect(await isOver(rest)).toBe(false);
    const [endOne, endOther] = [rests.hurry(), rests.hurry()];
    expect(await isOver(rest)).toBe(true);
    endOne();
    endOne();
    expect(await isOver(tire())).toBe(true);
    endOther();
    expect(await isOver(tire())).toBe(false);
  });
});

/** Each look at the clock is a millisecond later; who rests is told of in `restMs`. */
class WorkingTimers extends ManualTimers {
  restMs = 0;
  onRest = (): void => {};

  override nowMs(): number {
    this.advanceMs(1);
    return super.nowMs();
  }

  override after(ms: number, wake: () => void): () => void {
    this.restMs += ms;
    // The rest goes by, and ingest goes on meanwhile.
    const timer = setImmediate(() => {
      this.onRest();
      wake();
    });
    return () => clearImmediate(timer);
  }
}

describe("a sealer", () => {
  async function sealed(isBusy: boolean): Promise<{ restMs: number; segmentCount: number }> {
    const model = makeHistory(7, 400);
    const store = new MemoryStore();
    const timers = new WorkingTimers(model.nowMs);
    const limits = { messageTimeoutMs: MESSAGE_TIMEOUT_MS, roundChanges: 3, segmentEvents: 16 };
    await storeStage(store, model, "first", 2);
    const history = createHistory({ store, timers, limits });
    history.notifyStored();
    timers.onRest = () => {
      if (isBusy) history.notifyStored([]);
    };
    await history.sealer.idle();
    await history.checkpointer.idle();
    await history.sealer.idle();
    const { segmentCount } = history.sealer;
    await history.close();
    return { restMs: timers.restMs, segmentCount };
  }

  it("rests between segments while something is stored, and not when all is quiet", async () => {
    const [busy, quiet] = [await sealed(true), await sealed(false)];
    expect(busy.segmentCount).toBeGreaterThan(3);
    expect(quiet.segmentCount).toBe(busy.segmentCount);
    // Quiet: what came before the start was stored by somebody, and is rested from once.
    expect(busy.restMs).toBeGreaterThan(2 * quiet.restMs);
    expect(busy.restMs).toBeGreaterThan(busy.segmentCount * REST_SHARE);
  });
});
