/** The app over an empty history and a server of its own, for tests of how it is served. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type AppOptions, createApp } from "../../../collector/api/app.ts";
import { createHistory } from "../../../collector/cut/create-history.ts";
import { nodeTimers } from "../../../collector/cut/node-timers.ts";
import { MemoryStore } from "../../../collector/store/memory-store.ts";
import { NOW } from "../support.ts";

const servers: Server[] = [];

/** The port of an app on loopback; what it reports as its own fault is thrown. */
export async function serveApp(options: Partial<AppOptions>): Promise<number> {
  const app = createApp({
    history: createHistory({ store: new MemoryStore(), timers: nodeTimers }),
    now: () => NOW,
    after: nodeTimers.after,
    isReady: () => true,
    uiDirectory: import.meta.dirname,
    report: (_id, error) => {
      throw error;
    },
    ...options,
  });
  const server = app.listen(0, "127.0.0.1");
  servers.push(server);
  await new Promise((resolve) => server.once("listening", resolve));
  return (server.address() as AddressInfo).port;
}

/** Ends all that were served. */
export async function endServedApps(): Promise<void> {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
