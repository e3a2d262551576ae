/**
 * The clock offsets of the latest messages, at hand for whoever asks who there is: looked up again in
 * short turns when somebody asks and they are old, so that nobody waits for them.
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { ClockOffsets } from "./audit-shapes.ts";
import { ClockBounds } from "./clock-bounds.ts";
import { type CutContext, membersNow } from "./context.ts";
import { ticksOfMs } from "./limits.ts";
import { type JoinListener, MessageJoin } from "./message-join.ts";
import { extentOf, liveWatermarkOf } from "./summaries.ts";
import type { Work } from "./turns.ts";

/** The stretch of history whose messages are looked at. */
const STRETCH_MS = 5_000;
/** Known offsets are good for so long. */
const FRESH_MS = 10_000;

export class OffsetBook {
  readonly #context: CutContext;
  readonly #run: (work: Work<ClockOffsets>) => Promise<ClockOffsets>;
  #known: ClockOffsets | undefined;
  #askedMs = Number.NEGATIVE_INFINITY;
  #isRunning = false;

  constructor(context: CutContext, run: (work: Work<ClockOffsets>) => Promise<ClockOffsets>) {
    this.#context = context;
    this.#run = run;
  }

  /** What is known; undefined: nothing yet, ask again. */
  latest(): ClockOffsets | undefined {
    const nowMs = this.#context.timers.nowMs();
    const isOld = Math.abs(nowMs - this.#askedMs) >= FRESH_MS;
    if (isOld && !this.#isRunning) void this.#refresh(nowMs);
    return this.#known;
  }

  async #refresh(nowMs: number): Promise<void> {
    this.#isRunning = true;
    try {
      this.#known = await this.#run(latestOffsets(this.#context));
      this.#askedMs = nowMs;
    } catch {
      // Overloaded, or closing: what is known stays, and whoever asks next tries again.
    } finally {
      this.#isRunning = false;
    }
  }
}

function* latestOffsets(context: CutContext): Work<ClockOffsets> {
  const at = liveWatermarkOf(context) ?? extentOf(context)?.last ?? (0 as Hlc);
  const bounds = new ClockBounds(context.limits.auditListed);
  const listener: JoinListener = {
    send: () => {},
    receive: () => {},
    backward: () => {},
    *unreceived() {},
    *unsent() {},
    joined(send, receive) {
      if (send.low === undefined || receive.body.from === null) return;
      bounds.message(send.node, receive.node, send.low, receive.t);
    },
  };
  const stretch = ticksOfMs(STRETCH_MS);
  const join = new MessageJoin(context, listener, stretch);
  const records = [...membersNow(context).values()].flatMap(({ spans }) =>
    spans.map(({ record }) => record),
  );
  yield* join.run(records, (at - stretch) as Hlc, at);
  return { at, pairs: bounds.offsets() };
}
