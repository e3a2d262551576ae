import { createServer, type Server, type Socket } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import {
  connectFrame,
  createFrame,
  FrameReader,
  getDataFrame,
  MAX_FRAME_BYTES,
  pingFrame,
  readData,
  readReply,
  readVersion,
  setDataFrame,
} from "../../../../agent/examples/zookeeper-staleness/jute.ts";
import { ZooKeeper } from "../../../../agent/examples/zookeeper-staleness/zookeeper.ts";

/** Four-byte numbers and texts with their lengths, put together by hand. */
function bytes(...parts: readonly (number | string)[]): Buffer {
  return Buffer.from(
    parts
      .map((part) => {
        const hex = (n: number): string => (n >>> 0).toString(16).padStart(8, "0");
        if (typeof part === "number") return hex(part);
        return hex(part.length) + Buffer.from(part).toString("hex");
      })
      .join(""),
    "hex",
  );
}

function framed(payload: Buffer): Buffer {
  return Buffer.concat([bytes(payload.length), payload]);
}

/** czxid, mzxid, ctime, mtime; version; cversion, aversion, owner, length, children, pzxid. */
function stat(version: number): Buffer {
  return bytes(0, 5, 0, 9, 0, 1, 0, 2, version, 7, 7, 0, 0, 4, 0, 0, 5);
}

describe("requests", () => {
  it("are what the protocol wants, byte for byte", () => {
    const password = "\0".repeat(16);
    expect(connectFrame(4_000)).toEqual(framed(bytes(0, 0, 0, 4_000, 0, 0, password)));
    expect(pingFrame()).toEqual(framed(bytes(-2, 11)));
    expect(createFrame(3, "/a")).toEqual(
      framed(bytes(3, 1, "/a", "", 1, 31, "world", "anyone", 0)),
    );
    expect(getDataFrame(4, "/a/b")).toEqual(
      framed(Buffer.concat([bytes(4, 4, "/a/b"), Buffer.of(1)])),
    );
    expect(setDataFrame(5, "/a", Buffer.from("xyz"))).toEqual(framed(bytes(5, 5, "/a", "xyz", -1)));
  });
});

describe("replies", () => {
  it("give data and version, whatever the data are", () => {
    for (const data of ["", "17", '{"retroscope-hlc":"1-x"}']) {
      const reply = readReply(Buffer.concat([bytes(4, 0, 99, 0, data), stat(12)]));
      expect(reply).toMatchObject({ xid: 4, error: 0 });
      expect(readData(reply)).toEqual({ data: Buffer.from(data), version: 12 });
    }
    expect(readData(readReply(Buffer.concat([bytes(4, 0, 9, 0, -1), stat(3)])))).toEqual({
      data: Buffer.alloc(0),
      version: 3,
    });
    expect(readVersion(readReply(Buffer.concat([bytes(5, 0, 9, 0), stat(8)])))).toBe(8);
  });

  it("come out whole, wherever the network cuts them", () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 8 });
    const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(payloads, cuts, (sent, sizes) => {
        const wire = Buffer.concat(sent.map((each) => framed(Buffer.from(each))));
        const reader = new FrameReader();
        const found: Buffer[] = [];
        for (let at = 0, i = 0; at < wire.length; i += 1) {
          const size = sizes[i % sizes.length] as number;
          found.push(...reader.take(wire.subarray(at, at + size)));
          at += size;
        }
        expect(found.map((each) => [...each])).toEqual(sent.map((each) => [...each]));
      }),
      { numRuns: 100 },
    );
  });

  it("that are too long, or of less than nothing, are refused before they are kept", () => {
    expect(() => new FrameReader().take(bytes(MAX_FRAME_BYTES + 1))).toThrow("a frame of");
    expect(() => new FrameReader().take(bytes(-5))).toThrow("a frame of -5 bytes");
  });
});

describe("a client", () => {
  let server: Server;
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  /** A server that gives a session, then does as it is told with each request. */
  async function serving(onRequest: (socket: Socket, xid: number) => void): Promise<string> {
    server = createServer((socket) => {
      sockets.push(socket);
      const reader = new FrameReader();
      let isOpen = false;
      socket.on("data", (chunk) => {
        for (const payload of reader.take(chunk)) {
          if (isOpen) onRequest(socket, payload.readInt32BE(0));
          else socket.write(framed(bytes(0, 60_000, 0, 77, "\0".repeat(16))));
          isOpen = true;
        }
      });
      socket.on("error", () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `127.0.0.1:${(server.address() as { port: number }).port}`;
  }

  it("reads, and calls its watch once, also when the news stands right behind the reply", async () => {
    const address = await serving((socket, xid) => {
      const reply = framed(Buffer.concat([bytes(xid, 0, 1, 0, "v"), stat(1)]));
      const news = framed(bytes(-1, -1, -1, 0, 3, 3, "/z"));
      socket.write(Buffer.concat([reply, news, news]));
    });
    const zookeeper = await ZooKeeper.open(address);
    let calls = 0;
    const shown = await zookeeper.read("/z", () => {
      calls += 1;
    });
    expect(shown).toEqual({ version: 1, data: Buffer.from("v") });
    expect(calls).toBe(1);
    zookeeper.close();
  });

  it("fails what is open and all that comes when the connection is lost", async () => {
    const address = await serving((socket) => socket.destroy());
    const zookeeper = await ZooKeeper.open(address);
    await expect(zookeeper.write("/z", Buffer.from("1"))).rejects.toThrow("is closed");
    await expect(zookeeper.write("/z", Buffer.from("2"))).rejects.toThrow("is closed");
  });

  it("passes on what a server refuses, but takes a znode that is there already", async () => {
    const address = await serving((socket, xid) => socket.write(framed(bytes(xid, 0, 1, -110))));
    const zookeeper = await ZooKeeper.open(address);
    await expect(zookeeper.ensure("/z")).resolves.toBeUndefined();
    await expect(zookeeper.write("/z", Buffer.of(1))).rejects.toThrow("error -110");
    zookeeper.close();
  });

  it("takes no reply to what it did not ask", async () => {
    const address = await serving((socket, xid) => socket.write(framed(bytes(xid + 1, 0, 1, 0))));
    const zookeeper = await ZooKeeper.open(address);
    await expect(zookeeper.write("/z", Buffer.of(1))).rejects.toThrow("a reply to 2, not to 1");
  });
});
