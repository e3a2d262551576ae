/** Real servers on loopback with the hooks around them, for the tests of agent/propagation. */
import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type Hlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import { formatCarrier } from "../../agent/propagation/carrier.ts";
import {
  type HookOptions,
  type InstalledHooks,
  installHooks,
} from "../../agent/propagation/install.ts";
import { ArrayRecorder } from "./message-recorder.ts";

const TLS_FOLDER = new URL("../fixtures/loopback-tls/", import.meta.url);

/** A public key pair for loopback. */
export const loopbackTls: { readonly key: string; readonly cert: string } = {
  key: readFileSync(new URL("key.pem", TLS_FOLDER), "utf8"),
  cert: readFileSync(new URL("cert.pem", TLS_FOLDER), "utf8"),
};

/** A stamp that no node of ours has made. */
export const foreign: string = formatCarrier({
  t: 4_000 as Hlc,
  epoch: 3,
  seq: 9,
  node: "elsewhere",
});

export interface HookedProcess {
  readonly recorder: ArrayRecorder;
  readonly hooks: InstalledHooks;
  /** Starts a server on loopback; resolves to its URL, without a slash at the end. */
  serve(listener: RequestListener, options?: { readonly tls?: boolean }): Promise<string>;
  /** Ends a server's connections with the rest. */
  readonly servers: readonly Server[];
  close(): Promise<void>;
}

/** Installs the hooks over an array recorder, node `n1`, whose clock stands at a second past zero. */
export function hookUp(options: Partial<HookOptions> = {}): HookedProcess {
  const recorder = new ArrayRecorder("n1", 7, { now: () => (1_000 * TICKS_PER_MS) as Hlc });
  const hooks = installHooks({ recorder, ...options });
  const servers: Server[] = [];
  return {
    recorder,
    hooks,
    servers,
    serve: async (listener, { tls = false } = {}) => {
      const server = tls ? createTlsServer(loopbackTls, listener) : createServer(listener);
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return `${tls ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    close: async () => {
      hooks.close();
      for (const server of servers) {
        server.closeAllConnections();
        await new Promise<void>((resolve) => server.close(() => resolve()));
      }
    },
  };
}
