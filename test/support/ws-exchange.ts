/** WebSocket servers and clients on loopback, for the tests of the ws hook. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type ClientOptions, type ServerOptions, WebSocket, WebSocketServer } from "ws";

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
