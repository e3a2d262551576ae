/**
 * Jute, the encoding of ZooKeeper's wire, as far as the case needs it. All numbers are big-endian:
 *
 *     frame     | length i32 | payload            |      string, bytes: | length i32, -1: none | ... |
 *     request   | xid i32 | operation i32 | its fields          |
 *     reply     | xid i32 | zxid i64 | error i32 | its fields   |   xid -1: a watch fired, -2: to a ping
 *
 * Source: `zookeeper.jute` of Apache ZooKeeper 3.8. Pure: bytes in, bytes out.
 */

/** Of a connection's request types. */
const OPERATIONS = { create: 1, getData: 4, setData: 5, ping: 11, close: -11 } as const;
export const NOTIFICATION_XID = -1;
export const PING_XID = -2;
/** Servers refuse more by default; a reply is hardly larger. */
export const MAX_FRAME_BYTES: number = 1024 * 1024 + 1024;

/** Everybody may do everything. */
const OPEN_ACL = { perms: 31, scheme: "world", id: "anyone" };
/** Of a stat, before its `version`: four 64-bit numbers. */
const STAT_VERSION_OFFSET = 32;
const REPLY_HEADER_BYTES = 16;

type Field =
  | { readonly i32: number }
  | { readonly text: string | Buffer }
  | { readonly i64: bigint };

/** A whole frame of the fields. */
function frame(...fields: readonly Field[]): Buffer {
  const parts = fields.flatMap((field): Buffer[] => {
    if ("i32" in field) return [int32(field.i32)];
    if ("i64" in field) {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64BE(field.i64);
      return [bytes];
    }
    const bytes = Buffer.from(field.text as string);
    return [int32(bytes.length), bytes];
  });
  const payload = Buffer.concat(parts);
  return Buffer.concat([int32(payload.length), payload]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** The first frame of a connection: asks for a new session. */
export function connectFrame(sessionMs: number): Buffer {
  const [version, lastZxid, session] = [{ i32: 0 }, { i64: 0n }, { i64: 0n }];
  return frame(version, lastZxid, { i32: sessionMs }, session, { text: Buffer.alloc(16) });
}

export function pingFrame(): Buffer {
  return frame({ i32: PING_XID }, { i32: OPERATIONS.ping });
}

export function closeFrame(xid: number): Buffer {
  return frame({ i32: xid }, { i32: OPERATIONS.close });
}

/** Creates a lasting znode without data. */
export function createFrame(xid: number, path: string): Buffer {
  const { perms, scheme, id } = OPEN_ACL;
  const acl = [{ i32: 1 }, { i32: perms }, { text: scheme }, { text: id }];
  const flags = { i32: 0 };
  return frame(...header(xid, "create"), { text: path }, { text: "" }, ...acl, flags);
}

/** Reads, and leaves a watch on the data. */
export function getDataFrame(xid: number, path: string): Buffer {
  const body = frame(...header(xid, "getData"), { text: path });
  const watched = Buffer.concat([body, Buffer.of(1)]); // a boolean is one byte
  watched.writeInt32BE(watched.length - 4);
  return watched;
}

/** Writes, whatever version is there. */
export function setDataFrame(xid: number, path: string, data: Buffer): Buffer {
  const anyVersion = { i32: -1 };
  return frame(...header(xid, "setData"), { text: path }, { text: data }, anyVersion);
}

function header(xid: number, operation: keyof typeof OPERATIONS): Field[] {
  return [{ i32: xid }, { i32: OPERATIONS[operation] }];
}

/** How long the server lets the session live without a word, in ms; 0 or less: there is none. */
export function sessionMsOf(connectReply: Buffer): number {
  return connectReply.readInt32BE(4);
}

export interface Reply {
  readonly xid: number;
  /** 0: it was done. */
  readonly error: number;
  readonly body: Buffer;
}

export function readReply(payload: Buffer): Reply {
  return {
    xid: payload.readInt32BE(0),
    error: payload.readInt32BE(12),
    body: payload.subarray(REPLY_HEADER_BYTES),
  };
}

/** The znode of a watch that fired. */
export function notifiedPath({ body }: Reply): string {
  return bytesAt(body, 8).toString("utf8"); // after type and state
}

/** Of a reply to getData. The data are a copy. */
export function readData({ body }: Reply): { readonly data: Buffer; readonly version: number } {
  const data = bytesAt(body, 0);
  return {
    data: Buffer.from(data),
    version: body.readInt32BE(4 + data.length + STAT_VERSION_OFFSET),
  };
}

/** Of a reply to setData: the version that it made. */
export function readVersion({ body }: Reply): number {
  return body.readInt32BE(STAT_VERSION_OFFSET);
}

function bytesAt(body: Buffer, offset: number): Buffer {
  const length = Math.max(0, body.readInt32BE(offset)); // -1: there are none
  return body.subarray(offset + 4, offset + 4 + length);
}

/** Cuts what comes in into payloads, however it was cut on its way. @throws Error for a frame that is too long */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  take(chunk: Buffer): readonly Buffer[] {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const payloads: Buffer[] = [];
    while (bytes.length >= 4) {
      const length = bytes.readInt32BE(0);
      if (length < 0 || length > MAX_FRAME_BYTES) throw new Error(`a frame of ${length} bytes`);
      if (bytes.length < 4 + length) break;
      payloads.push(bytes.subarray(4, 4 + length));
      bytes = bytes.subarray(4 + length);
    }
    this.#rest = bytes;
    return payloads;
  }
}
