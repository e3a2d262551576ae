import { describe, expect, it } from "vitest";
import {
  BatchBuilder,
  decodeBatch,
  eventsOf,
  type Hlc,
  type Json,
  KindCode,
} from "../../../agent/kernel/index.ts";
import type { QueuedBatch } from "../../../agent/shipping/batch-queue.ts";
import type { EventSource, SourceCut } from "../../../agent/shipping/event-source.ts";
import { Outbox } from "../../../agent/shipping/outbox.ts";

/** A source with one cut. */
function aSource(cut: SourceCut): EventSource {
  let next: SourceCut | null = cut;
  return {
    ...{ node: cut.node, epoch: cut.epoch },
    get pendingCount() {
      return next?.events.count ?? 0;
    },
    cut() {
      const one = next;
      next = null;
      return one;
    },
    heartbeat: () => {
      throw new Error("not asked for here");
    },
    askKeyframes: () => undefined,
    addKeyframes: () => undefined,
    ...{ unframedLog: undefined, onDemand: undefined },
    now: () => cut.closed,
    tidy: () => undefined,
    reopen: () => undefined,
  };
}

function aCut(fill: (builder: BatchBuilder) => void): SourceCut {
  const builder = new BatchBuilder();
  fill(builder);
  const [service, node, epoch, firstSeq] = ["s", "n", 1, 1] as const;
  const closed = 1_000_000 as Hlc;
  const head = {
    node,
    epoch,
    service,
    firstSeq,
    closed,
    dropped: [],
    status: null,
    imported: false,
  };
  const { events } = builder.build(head);
  return {
    ...{ node, epoch, service, firstSeq, closed, events, lost: [] },
    ...{ logs: ["l", "big"], framed: ["big"], messages: true },
  };
}

function cutAll(cut: SourceCut, status: unknown = null) {
  const errors: unknown[] = [];
  const outbox = new Outbox({
    source: aSource(cut),
    queueBytes: 64 * 1024 * 1024,
    onError: (error) => errors.push(error),
    onHeard: () => undefined,
    onDisowned: () => undefined,
  });
  const told = status === null ? null : { json: status as Json, tidings: 0 };
  expect(outbox.cutOne([], () => told)).toBe(true);
  expect(errors).toEqual([]);
  const entries: QueuedBatch[] = [];
  for (let one = outbox.queue.oldest; one !== undefined; one = outbox.queue.oldest) {
    outbox.queue.remove(one);
    entries.push(one);
  }
  const batches = entries.map((entry) => decodeBatch(entry.bytes));
  return {
    outbox,
    batches,
    seqs: batches.flatMap((one) => [...eventsOf(one)].map(({ seq }) => seq)),
  };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

describe("a cut that is too large for a batch", () => {
  it("is parted until it fits, and nothing is lost", () => {
    const { batches, seqs, outbox } = cutAll(
      aCut((builder) => {
        for (let i = 0; i < 70_000; i += 1) {
          builder.change((i + 1) as Hlc, KindCode.set, "l", "k", i);
        }
      }),
    );
    expect(batches).toHaveLength(2);
    expect(seqs).toEqual(upTo(70_000));
    expect(batches[0]?.header.closed).toBe(batches[0]?.header.lastT);
    expect(batches[1]?.header.closed).toBe(1_000_000);
    expect(outbox.ledger.dropped).toBe(0);
  });

  it("leaves out only the keyframe that does not fit, and declares it", () => {
    const text = "漢".repeat(2_500);
    const state = new Map(upTo(800).map((i) => [`k${i}`, `${text}${i}`]));
    const { batches, seqs, outbox } = cutAll(
      aCut((builder) => {
        builder.change(1 as Hlc, KindCode.set, "l", "k", 1);
        builder.body(2 as Hlc, { kind: "mark", text: "before" });
        builder.body(3 as Hlc, { kind: "keyframe", log: "big", state });
        builder.change(4 as Hlc, KindCode.set, "l", "k", 2);
      }),
    );
    expect(seqs).toEqual([1, 2, 4]);
    const lost = batches.flatMap(({ header }) => header.dropped);
    expect(lost).toMatchObject([
      { firstSeq: 3, lastSeq: 3, logs: ["big"], messages: false, reason: "refused" },
    ]);
    expect(outbox.ledger.drops).toEqual({ refused: 1 });
  });

  it("goes without a status that does not fit", () => {
    const { batches, seqs } = cutAll(
      aCut((builder) => builder.change(1 as Hlc, KindCode.set, "l", "k", 1)),
      { text: "x".repeat(30_000), more: "y".repeat(30_000), most: "z".repeat(30_000) },
    );
    expect(seqs).toEqual([1]);
    expect(batches[0]?.header.status).toBeNull();
  });
});
