/**
 * The batches that the golden fixtures of wire version 1 were made of. Bytes are never edited: a
 * fixture that exists is only read. A new one is added here, and written by
 *
 *     RETROSCOPE_WRITE_FIXTURES=1 npx vitest run test/agent/kernel/wire-golden --config test/vitest.config.ts
 */
import type { Batch, Hlc, Json, RequestEvent, Value } from "../../../agent/kernel/index.ts";
import {
  encodeHistograms,
  encodeLoad,
  encodeResources,
  MAX_HLC,
  MIN_HLC,
  ValueSet,
} from "../../../agent/kernel/index.ts";
import { aBatch, type Row } from "../../support/batches.ts";

/** 2026-11-21T16:00:00Z. */
const T = 890_634_240_000_000 as Hlc;
const at = (ticks: number): Hlc => (T + ticks) as Hlc;

const message = { channel: "http", to: null, peer: null, id: null };
const sent = { kind: "send" as const, ...message, replaces: null, failed: false, streamed: false };
const received = {
  kind: "receive" as const,
  channel: "http",
  from: null,
  sentT: null,
  peer: null,
  id: null,
  unverified: false,
  relayed: false,
};
/** hdr-histogram-js 3.0.1: 1 us, three of 5,000 us, an hour. */
const aHistogram: Uint8Array = Uint8Array.from(
  Buffer.from(
    "1c849313000000090000000100000003000000000000000100000000d693a4000000000000000001" +
      "0002bf3306a1b70202",
    "hex",
  ),
);
const request: Omit<RequestEvent, "seq" | "t"> = {
  kind: "request",
  operation: "GET /cart",
  residenceUs: 5_200,
  outcome: "ok",
  calls: [
    { to: "n2", startUs: 300, us: 4_100 },
    { to: "10.0.0.3:8080", startUs: 4_500, us: 90 },
  ],
  waits: [{ to: "db-pool", startUs: 10, us: 250 }],
};

export const fixtures: { readonly [name: string]: () => Batch } = {
  heartbeat: () =>
    aBatch([], {
      node: "cart@host7-412",
      service: "cart",
      epoch: 217_469_298_821,
      firstSeq: 90_001,
      closed: T,
      status: { pid: 412, version: "0.1.0", health: "ok", hooks: { http: "active" } } as Json,
    }),

  changes: () =>
    aBatch(
      [
        { kind: "set", t: at(0), log: "stock", key: "apples", value: 12 },
        { kind: "set", t: at(0), log: "stock", key: "pears", value: 12.5 },
        { kind: "set", t: at(1), log: "stock", key: "apples", value: 13 },
        { kind: "set", t: at(300), log: "stock", key: "apples", value: -2_251_799_813_685_247 },
        { kind: "set", t: at(301), log: "stock", key: "apples", value: 2_251_799_813_685_247 },
        { kind: "set", t: at(302), log: "stock", key: "apples", value: 9_007_199_254_740_991 },
        { kind: "set", t: at(303), log: "stock", key: "apples", value: 1e308 },
        { kind: "delete", t: at(4_096), log: "stock", key: "pears" },
        { kind: "set", t: at(4_097), log: "election", key: "leader", value: "n1" },
        { kind: "set", t: at(4_098), log: "election", key: "leader", value: "n2" },
        { kind: "set", t: at(4_099), log: "election", key: "leader", value: "n1" },
        { kind: "set", t: at(4_100), log: "election", key: "leader", value: null },
        { kind: "set", t: at(4_101), log: "election", key: "open", value: true },
        { kind: "set", t: at(4_102), log: "election", key: "open", value: false },
        { kind: "set", t: at(4_103), log: "ring", key: "open", value: "" },
        { kind: "add", t: at(4_104), log: "ring", key: "members", value: "n2" },
        { kind: "add", t: at(4_105), log: "ring", key: "members", value: { id: 3, zone: "b" } },
        { kind: "remove", t: at(4_106), log: "ring", key: "members", value: "n2" },
        {
          kind: "set",
          t: at(4_107),
          log: "ring",
          key: "members",
          value: ValueSet.of([3, "n2", [1, [2, []]], { b: null, a: {} }]),
        },
        {
          kind: "set",
          t: at(4_108),
          log: "ring",
          key: "cut",
          value: "begins like...",
          cutShort: true,
        },
      ],
      { epoch: 7, firstSeq: 101, closed: at(5_000) },
    ),

  messages: () =>
    aBatch(
      [
        { ...sent, t: at(0) },
        { ...sent, t: at(1), to: "n2", peer: "10.0.0.2:8080" },
        { ...sent, t: at(2), to: "n2", peer: "10.0.0.2:8080", replaces: 12 },
        { ...sent, t: at(3), replaces: 13, failed: true },
        { ...sent, t: at(4), channel: "import", id: "m17", streamed: true },
        { ...received, t: at(900) },
        { ...received, t: at(901), from: { node: "n2", epoch: 9, seq: 400 }, sentT: at(-50) },
        { ...received, t: at(902), from: { node: "n2", epoch: 9, seq: 399 }, sentT: at(-60) },
        { ...received, t: at(903), from: { node: "n3", epoch: 1, seq: 1 }, sentT: at(1_000) },
        { ...received, t: at(904), peer: "10.0.0.9:5000", unverified: true, relayed: true },
        {
          ...received,
          t: at(905),
          from: { node: "evil", epoch: 9_007_199_254_740_991, seq: 9_007_199_254_740_991 },
          sentT: MAX_HLC,
          unverified: true,
        },
        { ...received, t: at(906), channel: "import", id: "m16", sentT: MIN_HLC },
      ],
      { epoch: 217_469_298_821, firstSeq: 11, closed: at(906) },
    ),

  rare: () =>
    aBatch(
      [
        {
          kind: "join",
          t: at(0),
          service: "kv",
          tags: { zone: "b", version: "1.2" },
          instance: "f00d",
        },
        {
          kind: "keyframe",
          t: at(0),
          log: "setd",
          state: new Map<string, Value>([
            ["vr1", 3],
            ["text", "é😀"],
            ["members", ValueSet.of(["n2"])],
          ]),
        },
        { kind: "keyframe", t: at(0), log: "empty", state: new Map() },
        { ...request, t: at(10) },
        { ...request, t: at(20), outcome: "error 503", calls: [], waits: [] },
        { kind: "mark", t: at(30), text: "deployed v42" },
        { kind: "leave", t: at(40) },
      ],
      { node: "n1", service: "kv", epoch: 1, closed: at(50) },
    ),

  "imported-before-2020": () =>
    aBatch(
      [
        { kind: "set", t: MIN_HLC, log: "l", key: "k", value: 1 },
        { kind: "set", t: -4_097 as Hlc, log: "l", key: "k", value: 2 },
        { kind: "set", t: -1 as Hlc, log: "l", key: "k", value: 3 },
        { kind: "set", t: 0 as Hlc, log: "l", key: "k", value: 4 },
      ],
      { node: "a node with spaces / é", service: "", epoch: 0, imported: true, closed: MAX_HLC },
    ),

  lost: () =>
    aBatch([{ kind: "mark", t: at(0), text: "after the storm" }] satisfies Row[], {
      firstSeq: 1_000_001,
      closed: at(1),
      dropped: [
        {
          firstSeq: 5,
          lastSeq: 5,
          firstT: at(-9_000),
          lastT: at(-9_000),
          logs: [],
          messages: true,
          reason: "refused",
        },
        {
          firstSeq: 6,
          lastSeq: 1_000_000,
          firstT: at(-8_000),
          lastT: at(-1),
          logs: null,
          messages: true,
          reason: "overflow",
        },
        {
          firstSeq: 1_000_002,
          lastSeq: 1_000_003,
          firstT: at(1),
          lastT: at(1),
          logs: ["stock", "carts"],
          messages: false,
          reason: "shed",
        },
      ],
    }),

  "timed-requests": () =>
    aBatch(
      [
        { ...request, t: at(0) },
        {
          ...{ kind: "request", t: at(50_000), operation: "GET /cart", residenceUs: 12_000 },
          outcome: "ok",
          calls: [
            {
              ...{ to: "10.0.0.3:8080", startUs: 1_300, us: 9_000, sendSeq: 4_711, leadUs: -40 },
              ...{ firstByteUs: 9_100, operation: "GET", outcome: "ok" },
            },
            { to: "10.0.0.4:8080", startUs: 1_400, us: 10_600, outcome: "aborted" },
          ],
          waits: [
            { to: "db-pool", startUs: 100, us: 1_200, kind: "pool", downstream: "db" },
            { to: "stock", startUs: 11_000, us: 10, kind: "lock" },
          ],
          ...{ arrived: at(848), leadUs: 1_200, derived: true as const },
        },
        { kind: "mark", t: at(50_001), text: "after" },
      ],
      { epoch: 217_469_298_821, firstSeq: 5_000, closed: at(50_001) },
    ),

  "side-blocks": () => ({
    ...aBatch([], { node: "cart-1", service: "cart", epoch: 9, firstSeq: 12, closed: T }),
    sideBlocks: [
      {
        ...{ stream: "load", second: 1_795_276_800, part: 0 },
        bytes: encodeLoad([
          {
            ...{ operation: "GET /cart", slot: 12, lengthUs: 10_000, arrivals: 2, completions: 2 },
            ...{ exclusiveUs: 900, maxResidenceUs: 4_097, inFlightUs: 5_000 },
            ...{ downstreamUs: 3_900, poolUs: 200 },
            residences: [
              [903, 1],
              [4_096, 1],
            ],
          },
          {
            ...{ operation: "other", slot: 99, lengthUs: 9_998, arrivals: 0, completions: 0 },
            ...{ exclusiveUs: 0, maxResidenceUs: 0, inFlightUs: 9_998 },
            ...{ downstreamUs: 0, poolUs: 0, residences: [] },
          },
        ]),
      },
      {
        ...{ stream: "histogram", second: 1_795_276_800, part: 0 },
        bytes: encodeHistograms([
          { operation: "GET /cart", side: "server", peer: null, v2: aHistogram },
          { operation: "GET /cart", side: "caller", peer: "10.0.0.3:8080", v2: aHistogram },
        ]),
      },
      {
        ...{ stream: "resource", second: 1_795_276_800, part: 3 },
        bytes: encodeResources({
          gaps: [{ startUs: -1_200, lengthUs: 150_300 }],
          gc: [{ startUs: 400, lengthUs: 92_000, kind: "major", heapBytes: 48_000_000 }],
          signals: [
            { name: "run", atUs: [5, 5_010, 10_020], values: [77_000, 77_300, 82_000] },
            { name: "run-queue", atUs: [5, 5_010, 10_020], values: [9, 9, 9] },
            { name: "state", atUs: [20_000], values: [82] },
          ],
          unavailable: ["cgroup-throttled"],
          waits: [
            { name: "db", kind: "pool", startUs: 10, lengthUs: 2_000, downstream: "db" },
            { name: "stock", kind: "lock", startUs: 20, lengthUs: 3_000, downstream: null },
          ],
        }),
      },
    ],
  }),
};
