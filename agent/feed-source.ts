/** The feeds of agent/state as the event source of agent/shipping; the two do not know each other. */
import type { Hlc, HlcClock } from "./kernel/index.ts";
import type { EventSource } from "./shipping/event-source.ts";
import type { EventFeed } from "./state/event-feed.ts";
import type { OnDemandFeed } from "./state/on-demand-feed.ts";

/** @param onDemand where only what is asked for is shipped */
export function sourceOf(
  feed: EventFeed,
  clock: HlcClock,
  reopen: EventSource["reopen"],
  onDemand: OnDemandFeed | undefined = undefined,
): EventSource {
  return {
    get node() {
      return feed.node;
    },
    get epoch() {
      return feed.epoch;
    },
    get pendingCount() {
      return onDemand === undefined ? feed.pendingCount : 0;
    },
    get unframedLog() {
      return feed.unframedLog;
    },
    onDemand,
    now: () => Math.max(clock.last, clock.physicalNow()) as Hlc,
    cut: () => (onDemand ?? feed).cut(),
    heartbeat: () => (onDemand ?? feed).heartbeat(),
    askKeyframes: (logs) => feed.askKeyframes(logs),
    addKeyframes: (roomBytes) => feed.addKeyframes(roomBytes),
    tidy: () => (onDemand ?? feed).tidy(),
    reopen,
  };
}
