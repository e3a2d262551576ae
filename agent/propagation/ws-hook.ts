/**
 * The hook on `ws`, client and server: the handshake is stamped as HTTP, each message by a pong before
 * it. For a bundled copy: `agent.instrument("ws", ws)` with what `import * as ws` or `require` gives.
 */
import type { HookGuard } from "./hook-guard.ts";
import { MethodPatches } from "./method-patches.ts";
import type { PackageHook } from "./package-hook.ts";
import type { HookContext } from "./stamping.ts";
import { WsConnections } from "./ws-connections.ts";
import { WsHandshake } from "./ws-handshake.ts";
import { WsMessages } from "./ws-messages.ts";

interface WsClass {
  readonly prototype: object;
}

interface WsExports {
  readonly default?: unknown;
  readonly WebSocket?: unknown;
  readonly WebSocketServer?: unknown;
  readonly Server?: unknown;
}

/** Connections of all copies: a socket may be handed from one to another. */
const connectionsOf = new WeakMap<HookContext, WsConnections>();

export const wsHook: PackageHook = {
  name: "ws",
  packageName: "ws",
  // Both doors of the package, index.js and wrapper.mjs, lead to these.
  entries: ["lib/websocket.js", "lib/websocket-server.js"],
  install(exports: unknown, context: HookContext, guard: HookGuard): () => void {
    const connections = connectionsOf.get(context) ?? new WsConnections(context);
    connectionsOf.set(context, connections);
    const handshake = new WsHandshake(context, guard, connections);
    const messages = new WsMessages(context, guard, connections, handshake);
    const patches = new MethodPatches();
    let unwatch = (): void => undefined;
    const classes = classesIn(exports as WsExports | null | undefined);
    const client = classes.find((each) => has(each, "send") && has(each, "setSocket"));
    const server = classes.find((each) => has(each, "handleUpgrade"));
    if (client === undefined && server === undefined) throw new Error("no WebSocket is in it");
    if (client !== undefined && !MethodPatches.has(client.prototype, "send")) {
      unwatch = messages.patch(client.prototype, patches);
    }
    if (server !== undefined && !MethodPatches.has(server.prototype, "handleUpgrade")) {
      try {
        handshake.patchServer(server.prototype, patches);
      } catch (error) {
        unwatch();
        throw error;
      }
    }
    return () => {
      patches.takeOut();
      unwatch();
    };
  },
};

function classesIn(exports: WsExports | null | undefined): readonly WsClass[] {
  const { default: main, WebSocket, WebSocketServer, Server } = exports ?? {};
  return [exports, main, WebSocket, WebSocketServer, Server].filter(
    (each): each is WsClass => typeof each === "function" && typeof each.prototype === "object",
  );
}

function has({ prototype }: WsClass, method: string): boolean {
  return typeof (prototype as Record<string, unknown>)[method] === "function";
}
