/** The state of an agent without the agent: clock, window, table, recording, feed. By hand, in memory. */
import { type Batch, decodeBatch, HlcClock } from "../../agent/kernel/index.ts";
import { BatchPress } from "../../agent/shipping/batch-press.ts";
import { EventFeed } from "../../agent/state/event-feed.ts";
import { EventWindow } from "../../agent/state/event-window.ts";
import { Guard } from "../../agent/state/guard.ts";
import { Recording } from "../../agent/state/recording.ts";
import type { Redaction } from "../../agent/state/redaction.ts";
import { Snapshots } from "../../agent/state/snapshot.ts";
import { StateLog } from "../../agent/state/state-log.ts";
import { VariableTable } from "../../agent/state/variable-table.ts";
import { ManualClock } from "../../agent/testing.ts";

export interface RecordingParts {
  readonly physical: ManualClock;
  readonly clock: HlcClock;
  readonly guard: Guard;
  readonly window: EventWindow;
  readonly table: VariableTable;
  readonly recording: Recording;
  readonly feed: EventFeed;
  readonly snapshots: Snapshots;
  log(name: string): StateLog;
  /** Cuts, encodes and decodes all that is pending. */
  ship(): Batch[];
}

export function recordingParts({
  windowBytes = 4 * 1024 * 1024,
  windowMs = 60_000,
  isShipped = true,
  redaction,
}: {
  windowBytes?: number;
  windowMs?: number;
  isShipped?: boolean;
  redaction?: Redaction;
} = {}): RecordingParts {
  const physical = new ManualClock("2026-11-21T16:00:00Z");
  const clock = new HlcClock(physical);
  const guard = new Guard(() => undefined);
  const limits = { maxBytes: windowBytes, maxAgeTicks: windowMs * 4096 };
  const window = new EventWindow(limits, clock.now());
  const table = new VariableTable();
  const recording = new Recording(clock, window, table, guard, redaction);
  const identity = { node: "n1", epoch: 7, service: "s", tags: {}, instance: "i" };
  const feed = new EventFeed(recording, identity);
  if (isShipped) window.holdFrom = 0;
  const snapshots = new Snapshots(recording, () => "n1");
  const press = new BatchPress();
  const ship = (): Batch[] => {
    const batches: Batch[] = [];
    for (let cut = feed.cut(); cut !== null; cut = feed.cut()) {
      batches.push(decodeBatch(press.press(cut, cut.lost, null).bytes));
    }
    return batches;
  };
  const log = (name: string) => new StateLog(recording, table.log(name));
  return { physical, clock, guard, window, table, recording, feed, snapshots, log, ship };
}
