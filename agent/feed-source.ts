/** The feed of agent/state as the event source of agent/shipping; the two do not know each other. */
import type { EventSource } from "./shipping/event-source.ts";
import type { EventFeed } from "./state/event-feed.ts";

export function sourceOf(feed: EventFeed, reopen: EventSource["reopen"]): EventSource {
  return {
    get node() {
      return feed.node;
    },
    get epoch() {
      return feed.epoch;
    },
    get pendingCount() {
      return feed.pendingCount;
    },
    get unframedLog() {
      return feed.unframedLog;
    },
    cut: () => feed.cut(),
    heartbeat: () => feed.heartbeat(),
    askKeyframes: (logs) => feed.askKeyframes(logs),
    addKeyframes: (roomBytes) => feed.addKeyframes(roomBytes),
    tidy: () => feed.tidy(),
    reopen,
  };
}
