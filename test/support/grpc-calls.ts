/** A process with hooks and gRPC servers and clients in it, and what must have been recorded of one exchange. */
import type * as grpc from "@grpc/grpc-js";
import { afterEach, expect } from "vitest";
import { type ShopHandlers, type ShopServer, serveShop, shopClient } from "./grpc-exchange.ts";
import { type HookedProcess, hookUp } from "./http-exchange.ts";
import type { RecordedReceive } from "./message-recorder.ts";

export type Unary = grpc.handleUnaryCall<unknown, unknown>;

export const echo: Unary = (call, done) => done(null, call.request);

/** Servers and clients that end together. */
class GrpcExchange {
  readonly clients: grpc.Client[] = [];
  readonly #shops: ShopServer[] = [];

  /** A server; `buy` echoes unless said otherwise. */
  async shop(
    handlers: ShopHandlers = { buy: echo },
    options: { address?: string } & grpc.ServerOptions = {},
  ): Promise<ShopServer> {
    const served = await serveShop(handlers, options);
    this.#shops.push(served);
    return served;
  }

  client(target: string, options: grpc.ClientOptions = {}): grpc.Client {
    const made = shopClient(target, options);
    this.clients.push(made);
    return made;
  }

  close(): void {
    for (const client of this.clients.splice(0)) client.close();
    for (const { server } of this.#shops.splice(0)) server.forceShutdown();
  }
}

export interface GrpcScene {
  readonly exchange: GrpcExchange;
  /** The process of this test: the first thing that it makes. */
  hookUp(...options: Parameters<typeof hookUp>): HookedProcess;
  /** What it has recorded so far. */
  kinds(): readonly string[];
}

/** For the top of a file: all that a test opens ends with it, and its hooks are taken off. */
export function grpcScene(): GrpcScene {
  const exchange = new GrpcExchange();
  let hooked: HookedProcess | undefined;
  afterEach(async () => {
    exchange.close();
    await hooked?.close();
    hooked = undefined;
  });
  return {
    exchange,
    hookUp(...options) {
      hooked = hookUp(...options);
      return hooked;
    },
    kinds: () => (hooked?.recorder.events ?? []).map(({ kind }) => kind),
  };
}

/** Kinds of what is recorded of one exchange. */
export const EXCHANGE: readonly string[] = ["send", "receive", "send", "receive"];

/** The full story of one exchange in one process: request out, in, reply out, in. */
export function expectOneExchange(
  { recorder }: HookedProcess,
  streamed: { readonly request: boolean; readonly reply: boolean },
): void {
  const { events } = recorder;
  const messages = events.filter(({ kind }) => kind !== "set");
  expect(messages.map(({ kind }) => kind)).toEqual(EXCHANGE);
  const [call, arrival, reply, answer] = messages;
  expect(call).toMatchObject({ channel: "grpc", streamed: streamed.request, failed: false });
  expect((arrival as RecordedReceive).from).toEqual({ node: "n1", epoch: 7, seq: call?.seq });
  expect(reply).toMatchObject({ channel: "grpc", streamed: streamed.reply, failed: false });
  expect((answer as RecordedReceive).from).toEqual({ node: "n1", epoch: 7, seq: reply?.seq });
  const times = events.map(({ t }) => t);
  expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
}
