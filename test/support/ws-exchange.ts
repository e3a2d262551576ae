/** WebSocket servers and clients on loopback, for the tests of the ws hook. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";
import { type ClientOptions, type ServerOptions, WebSocket, WebSocketServer } from "ws";
import type { HookedProcess } from "./http-exchange.ts";
import type { RecordedReceive, RecordedSend } from "./message-recorder.ts";

export interface SocketPair {
  readonly client: WebSocket;
  readonly server: WebSocket;
}

export class WsExchange {
  readonly servers: WebSocketServer[] = [];
  readonly clients: WebSocket[] = [];

  async serve(options: ServerOptions = {}): Promise<WebSocketServer> {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0, ...options });
    this.servers.push(server);
    await once(server, "listening");
    return server;
  }

  connect(server: WebSocketServer, options: ClientOptions = {}): WebSocket {
    return this.connectTo(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, options);
  }

  connectTo(url: string, options: ClientOptions = {}): WebSocket {
    const client = new WebSocket(url, options);
    this.clients.push(client);
    return client;
  }

  /** A server and a client, connected. */
  async pair(serving: ServerOptions = {}, connecting: ClientOptions = {}): Promise<SocketPair> {
    const host = await this.serve(serving);
    const accepted = once(host, "connection");
    const client = this.connect(host, connecting);
    const [[server]] = await Promise.all([accepted, once(client, "open")]);
    return { client, server: server as WebSocket };
  }

  async close(): Promise<void> {
    for (const client of this.clients.splice(0)) {
      client.on("error", () => undefined); // closed before it was open
      client.terminate();
    }
    for (const server of this.servers.splice(0)) {
      for (const each of server.clients) each.terminate();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    }
  }
}

/** The next messages of a socket, as text. */
export function messages(socket: WebSocket, count: number): Promise<readonly string[]> {
  const texts: string[] = [];
  return new Promise((resolve, reject) => {
    const onMessage = (data: unknown): void => {
      texts.push(String(data));
      if (texts.length < count) return;
      socket.off("message", onMessage);
      resolve(texts);
    };
    socket.on("message", onMessage);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error(`closed after ${texts.length} messages`)));
  });
}

/** Of messages proper, without the handshake. */
export function sentOver({ recorder }: HookedProcess): readonly RecordedSend[] {
  return recorder.sends.filter(({ channel }) => channel === "ws");
}

export function receivedOver({ recorder }: HookedProcess): readonly RecordedReceive[] {
  return recorder.receives.filter(({ channel }) => channel === "ws");
}

/** Every message has its receive, in the order sent, each later than its send. */
export function expectAllJoined(hooked: HookedProcess, count: number): void {
  const sent = sentOver(hooked);
  const received = receivedOver(hooked);
  const failed = new Set(sent.map(({ replaces }) => replaces));
  const good = sent.filter((send) => !send.failed && !failed.has(send.seq));
  expect(good).toHaveLength(count);
  const byName = new Map(good.map((send) => [send.seq, send]));
  const edges = received.map(({ from }) => from?.seq ?? -1);
  expect([...edges].sort((a, b) => a - b)).toEqual(good.map(({ seq }) => seq));
  for (const { from, t } of received)
    expect(t).toBeGreaterThan(byName.get(from?.seq ?? -1)?.t ?? t);
}
