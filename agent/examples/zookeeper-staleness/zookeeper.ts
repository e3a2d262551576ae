/**
 * A small ZooKeeper client: what the case needs and no more. It is connected to one server alone, so what it
 * reads is what that server's replica shows, and it never connects anew: a lost connection fails whatever is
 * open and all that comes, as a writer that counts versions, and an observer whose watch is gone, must not go on
 * as if nothing had been.
 *
 * A server answers a session's requests in their order, so replies are matched by place, and checked by xid.
 */
import { connect, type Socket } from "node:net";
import {
  closeFrame,
  connectFrame,
  createFrame,
  FrameReader,
  getDataFrame,
  NOTIFICATION_XID,
  notifiedPath,
  PING_XID,
  pingFrame,
  type Reply,
  readData,
  readReply,
  readVersion,
  sessionMsOf,
  setDataFrame,
} from "./jute.ts";

const CONNECT_WAIT_MS = 15_000;
/** The longest that the servers grant: 20 ticks. A pause of 200 ms ends no session. */
const SESSION_MS = 4_000;
const NODE_EXISTS = -110;
/** Requests without a reply; more are refused. */
const MAX_OPEN = 1_024;

/** A version of a znode as a replica shows it, with the data of that very version. */
export interface Shown {
  readonly version: number;
  readonly data: Buffer;
}

interface Waiting {
  readonly xid: number;
  readonly settle: (reply: Reply) => void;
  readonly fail: (error: Error) => void;
}

/** A session with one server. */
export class ZooKeeper {
  readonly #socket: Socket;
  readonly #frames = new FrameReader();
  readonly #waiting: Waiting[] = [];
  /** By path; each is called once. */
  readonly #watches = new Map<string, Set<() => void>>();
  #ping: NodeJS.Timeout | undefined;
  #lastXid = 0;
  #failure: Error | undefined;

  /** Connects to `host:port`. Rejects if it does not answer. */
  static open(address: string): Promise<ZooKeeper> {
    const [host = "", port = ""] = address.split(":");
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port: Number(port), noDelay: true });
      const zookeeper = new ZooKeeper(socket);
      const timer = setTimeout(() => {
        socket.destroy(new Error(`${address} did not answer within ${CONNECT_WAIT_MS} ms`));
      }, CONNECT_WAIT_MS);
      const opened = (reply: Buffer): void => {
        clearTimeout(timer);
        const sessionMs = sessionMsOf(reply);
        if (sessionMs <= 0) return void socket.destroy(new Error(`${address} gives no session`));
        zookeeper.#ping = setInterval(() => socket.write(pingFrame()), sessionMs / 3);
        resolve(zookeeper);
      };
      let isOpen = false;
      socket.once("connect", () => socket.write(connectFrame(SESSION_MS)));
      socket.on("data", (chunk: Buffer) => {
        try {
          for (const payload of zookeeper.#frames.take(chunk)) {
            if (isOpen) zookeeper.#receive(readReply(payload));
            else opened(payload);
            isOpen = true;
          }
        } catch (error) {
          socket.destroy(error as Error); // no ZooKeeper, or out of step
        }
      });
      socket.on("error", (error) => zookeeper.#fail(error));
      socket.once("close", () => {
        clearTimeout(timer);
        zookeeper.#fail(new Error(`the connection to ${address} is closed`));
        reject(zookeeper.#failure);
      });
    });
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Creates a znode, or leaves it as it is. */
  async ensure(path: string): Promise<void> {
    const { error } = await this.#ask((xid) => createFrame(xid, path));
    if (error !== NODE_EXISTS) check(error, "create", path);
  }

  /** Reads, and leaves a watch that calls `onChange` once, when the replica shows another version. */
  async read(path: string, onChange: () => void): Promise<Shown> {
    // Before the reply: the notification may stand right behind it.
    const watches = this.#watches.get(path) ?? new Set();
    this.#watches.set(path, watches.add(onChange));
    const reply = await this.#ask((xid) => getDataFrame(xid, path));
    check(reply.error, "read", path);
    return readData(reply);
  }

  /** Resolves with the version that it made. */
  async write(path: string, data: Buffer): Promise<number> {
    const reply = await this.#ask((xid) => setDataFrame(xid, path, data));
    check(reply.error, "write", path);
    return readVersion(reply);
  }

  /** Ends the session. What is open fails. */
  close(): void {
    this.#fail(new Error("the session is over"));
    this.#socket.end(closeFrame(this.#lastXid + 1));
  }

  #ask(frameOf: (xid: number) => Buffer): Promise<Reply> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#waiting.length >= MAX_OPEN)
      return Promise.reject(new Error("too many open requests"));
    this.#lastXid += 1;
    const xid = this.#lastXid;
    return new Promise((settle, fail) => {
      this.#waiting.push({ xid, settle, fail });
      this.#socket.write(frameOf(xid));
    });
  }

  /** @throws Error for a reply that nobody waits for */
  #receive(reply: Reply): void {
    if (reply.xid === PING_XID) return;
    if (reply.xid === NOTIFICATION_XID) {
      const path = notifiedPath(reply);
      const watches = this.#watches.get(path) ?? [];
      this.#watches.delete(path);
      for (const onChange of watches) onChange();
      return;
    }
    const [first] = this.#waiting;
    if (first?.xid !== reply.xid) throw new Error(`a reply to ${reply.xid}, not to ${first?.xid}`);
    this.#waiting.shift();
    first.settle(reply);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    clearInterval(this.#ping);
    for (const { fail } of this.#waiting.splice(0)) fail(this.#failure);
  }
}

function check(error: number, what: string, path: string): void {
  if (error !== 0) throw new Error(`ZooKeeper refused to ${what} ${path}: error ${error}`);
}
