/**
 * Bodies that inflate a thousandfold (fault 45, G15), in every coding that any route takes: refused soon,
 * for no more memory than twice what an honest body may have. Soon is reckoned in time of the processor,
 * the sender's here included, and the best of a few tries counts: what else the machine does is not ours.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { brotliCompressSync, constants, deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BATCH_MEDIA_TYPE } from "../../../agent/kernel/index.ts";
import { BODY_LIMITS } from "../../../collector/ingest/body-reader.ts";
import { startCollector, type TestCollector } from "../support.ts";

const MIB = 1024 * 1024;
const BOMB_BYTES = 32 * MIB;
const TRIES = 5;
const SOON_MS = 100;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

let collector: TestCollector;
beforeAll(async () => {
  collector = await startCollector({ quiet: true });
});
afterAll(() => collector.close());

interface Refused {
  readonly status: number;
  readonly code: string;
  readonly cpuMs: number;
  /** By how much buffers grew at most. */
  readonly peakBytes: number;
}

async function send(
  path: string,
  type: string,
  coding: string,
  body: Uint8Array,
): Promise<Refused> {
  collectGarbage();
  const held = (): number => process.memoryUsage().arrayBuffers;
  const beforeBytes = held();
  let peakBytes = 0;
  let isOver = false;
  const watch = (): void => {
    peakBytes = Math.max(peakBytes, held() - beforeBytes);
    if (!isOver) setTimeout(watch, 1);
  };
  watch();
  const before = process.cpuUsage();
  const response = await fetch(collector.url + path, {
    method: "POST",
    headers: { "content-type": type, "content-encoding": coding },
    body: body as Uint8Array<ArrayBuffer>,
  });
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1_000;
  const answer = (await response.json()) as { readonly error: { readonly code: string } };
  isOver = true;
  return { status: response.status, code: answer.error.code, cpuMs, peakBytes };
}

const zeros = (): Uint8Array => new Uint8Array(BOMB_BYTES);
const text = (): Buffer => Buffer.from(`{"name":"${"a".repeat(BOMB_BYTES)}"}`);
const brotli = (bytes: Uint8Array): Buffer =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } });
/** One member after the other: a gzip file may have many. */
const members = (): Buffer => {
  const member = gzipSync(zeros());
  return Buffer.concat(new Array(Math.floor((3.9 * MIB) / member.length)).fill(member));
};
const BATCHES = ["/v1/batches", BATCH_MEDIA_TYPE] as const;
const SAVED = ["/api/saved", "application/json"] as const;
const CAPTURES = ["/api/captures", "application/json"] as const;

it.each<
  readonly [
    what: string,
    to: readonly [string, string],
    coding: string,
    bomb: () => Uint8Array,
    refusal: readonly [number, string],
  ]
>([
  ["a batch", BATCHES, "gzip", () => gzipSync(zeros()), [413, "too-large"]],
  ["a batch, as old clients say", BATCHES, "x-gzip", () => gzipSync(zeros()), [413, "too-large"]],
  ["a batch", BATCHES, "deflate", () => deflateSync(zeros()), [413, "too-large"]],
  ["a batch of 3.9 MiB with 3.8 GiB in it", BATCHES, "gzip", members, [413, "too-large"]],
  [
    "a batch with a bomb within",
    BATCHES,
    "gzip",
    () => gzipSync(gzipSync(zeros())),
    [400, "bad-batch"],
  ],
  [
    "a batch in two codings",
    BATCHES,
    "gzip, gzip",
    () => gzipSync(gzipSync(zeros())),
    [415, "unsupported-encoding"],
  ],
  ["a batch", BATCHES, "br", () => brotli(zeros()), [415, "unsupported-encoding"]],
  ["a saved cut", SAVED, "gzip", () => gzipSync(text()), [413, "too-large"]],
  ["a saved cut", SAVED, "deflate", () => deflateSync(text()), [413, "too-large"]],
  ["a saved cut", SAVED, "br", () => brotli(text()), [413, "too-large"]],
  ["a capture", CAPTURES, "gzip", () => gzipSync(text()), [413, "too-large"]],
])(
  "refuses a bomb soon and for little memory: %s, %j, %s",
  async (_, to, coding, bomb, refusal) => {
    const body = bomb();
    const tries: Refused[] = [];
    for (let i = 0; i < TRIES; i += 1) {
      const one = await send(...to, coding, body);
      expect([one.status, one.code]).toEqual(refusal);
      tries.push(one);
      if (one.cpuMs <= SOON_MS && one.peakBytes <= 2 * BODY_LIMITS.maxInflatedBytes) break;
    }
    expect(Math.min(...tries.map(({ cpuMs }) => cpuMs))).toBeLessThanOrEqual(SOON_MS);
    const peakBytes = Math.min(...tries.map((one) => one.peakBytes));
    expect(peakBytes).toBeLessThanOrEqual(2 * BODY_LIMITS.maxInflatedBytes);
  },
);
