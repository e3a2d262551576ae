/**
 * Reads a request body within limits: bytes on the wire, bytes once inflated, and time. Inflation
 * stops at its limit, so a bomb costs no more memory than an honest body may; it runs in libuv's
 * pool, beside the event loop.
 */
import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import { RetroError } from "../../agent/kernel/index.ts";
import type { BodyBudget } from "./body-budget.ts";
import type { IngestTimers } from "./timers.ts";

export interface BodyLimits {
  readonly maxWireBytes: number;
  readonly maxInflatedBytes: number;
  readonly deadlineMs: number;
}

export const BODY_LIMITS: BodyLimits = {
  maxWireBytes: 4 * 1024 * 1024,
  maxInflatedBytes: 16 * 1024 * 1024,
  deadlineMs: 10_000,
};

/**
 * zlib goes through the event loop once for each piece it makes. In its pieces of 16 KiB a bomb took a
 * thousand turns of a busy loop to be found out, 16 s under ten times overload; in these it takes some ten.
 */
const EXPECTED_RATIO = 4;
const MIN_CHUNK_BYTES: number = 16 * 1024;
const MAX_CHUNK_BYTES: number = 2 * 1024 * 1024;

interface InflateOptions {
  readonly maxOutputLength: number;
  readonly chunkSize: number;
}

const INFLATERS: Readonly<Record<string, ReturnType<typeof inflater>>> = {
  gzip: inflater(promisify(gunzip)),
  "x-gzip": inflater(promisify(gunzip)),
  deflate: inflater(promisify(inflate)),
};

/**
 * The body, inflated. What it needs on the way comes out of `budget`.
 * @throws RetroError `unsupported-encoding`, `too-large`, `overloaded` (before anything is read), `bad-batch` (bytes that do not inflate),
 *   `timed-out`; `closed` if the client went away
 */
export async function readBody(
  request: IncomingMessage,
  limits: BodyLimits,
  timers: IngestTimers,
  budget: BodyBudget,
): Promise<Uint8Array> {
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  const isPlain = encoding === "identity" || encoding === "";
  const inflated = Object.hasOwn(INFLATERS, encoding) ? INFLATERS[encoding] : undefined;
  if (!isPlain && inflated === undefined) {
    throw new RetroError("unsupported-encoding", `content-encoding ${encoding} is not known`, {
      hint: "Send gzip, deflate, or nothing of the kind.",
    });
  }
  const length = request.headers["content-length"];
  const declared = length === undefined ? limits.maxWireBytes : Number(length);
  if (declared > limits.maxWireBytes) throw tooLarge(declared, limits.maxWireBytes);
  const release = budget.reserve(declared);
  try {
    const wire = await collect(request, limits, timers);
    if (inflated === undefined) return wire;
    return await budget.inTurn(() => inflated(wire, limits.maxInflatedBytes));
  } finally {
    release();
  }
}

function collect(
  request: IncomingMessage,
  { maxWireBytes, deadlineMs }: BodyLimits,
  timers: IngestTimers,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (error?: RetroError) => {
      cancel();
      request.off("data", onData).off("end", onEnd).off("close", onClose);
      if (error === undefined) resolve(chunks.length === 1 ? (chunks[0] as Buffer) : join(chunks));
      else reject(error);
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > maxWireBytes) finish(tooLarge(size, maxWireBytes));
    };
    const onEnd = () => finish();
    const onClose = () => finish(new RetroError("closed", "the client went away"));
    const cancel = timers.after(deadlineMs, () =>
      finish(
        new RetroError("timed-out", `the body took longer than ${deadlineMs} ms`, {
          retriable: true,
          hint: "Send less at a time.",
        }),
      ),
    );
    request.on("error", onClose);
    request.on("data", onData).on("end", onEnd).on("close", onClose);
  });
}

/** One array of all. */
function join(chunks: readonly Buffer[]): Uint8Array {
  return Buffer.concat(chunks);
}

function inflater(
  run: (bytes: Uint8Array, options: InflateOptions) => Promise<Buffer>,
): (bytes: Uint8Array, limit: number) => Promise<Uint8Array> {
  return async (bytes, limit) => {
    try {
      const expected = Math.min(bytes.length * EXPECTED_RATIO, MAX_CHUNK_BYTES, limit);
      const chunkSize = Math.max(MIN_CHUNK_BYTES, expected);
      return await run(bytes, { maxOutputLength: limit, chunkSize });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(undefined, limit);
      throw new RetroError("bad-batch", "the body does not inflate", {
        hint: "It was damaged on the way, or content-encoding names another coding.",
        cause: error,
      });
    }
  };
}

function tooLarge(bytes: number | undefined, limit: number): RetroError {
  const size = bytes === undefined ? "more once inflated" : `${bytes} bytes`;
  return new RetroError("too-large", `a body of ${size}: the limit is ${limit} bytes`, {
    hint: "Send fewer batches in one request.",
  });
}
