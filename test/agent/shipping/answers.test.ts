import { expect, it } from "vitest";
import { BatchBuilder, type Hlc, type IngestReply } from "../../../agent/kernel/index.ts";
import { Answers } from "../../../agent/shipping/answers.ts";
import type { QueuedBatch } from "../../../agent/shipping/batch-queue.ts";
import type { EventSource, SourceCut } from "../../../agent/shipping/event-source.ts";
import { Outbox } from "../../../agent/shipping/outbox.ts";
import { Reach } from "../../../agent/shipping/reach.ts";
import { VirtualScheduler } from "../../support/virtual-scheduler.ts";

const EPOCH = { node: "n", epoch: 1, service: "s" } as const;

/** A mark a cut, for ever. */
function aSource(): EventSource {
  let seq = 0;
  const cut = (count: number): SourceCut => {
    seq += count;
    const builder = new BatchBuilder();
    if (count > 0) builder.body(seq as Hlc, { kind: "mark", text: "x" });
    const head = { ...EPOCH, firstSeq: seq, closed: seq as Hlc, dropped: [], status: null };
    const { events } = builder.build({ ...head, imported: false });
    const names = { lost: [], logs: [], framed: [], messages: false };
    return { ...EPOCH, firstSeq: seq + 1 - count, closed: seq as Hlc, events, ...names };
  };
  return {
    ...{ node: EPOCH.node, epoch: EPOCH.epoch, pendingCount: 1 },
    ...{ cut: () => cut(1), heartbeat: () => cut(0) },
    ...{ askKeyframes: () => undefined, addKeyframes: () => undefined, tidy: () => undefined },
    ...{ unframedLog: undefined, onDemand: undefined, reopen: () => undefined },
    now: () => seq as Hlc,
  };
}

const ackOf = ({ node, epoch, firstSeq, lastSeq }: QueuedBatch) => ({
  ...{ node, epoch, firstSeq, lastSeq, storedCount: 1 },
});
const replyOf = (acks: readonly unknown[]) => ({
  kind: "acked" as const,
  reply: { acks, commands: [] } as unknown as IngestReply,
});

function aShipper() {
  const outbox = new Outbox({
    ...{ source: aSource(), queueBytes: 64 * 1024 * 1024 },
    onError: (error) => {
      throw error;
    },
    ...{ onHeard: () => undefined, onDisowned: () => undefined },
  });
  const reach = new Reach(new VirtualScheduler(1), "collector", () => true);
  return { outbox, answers: new Answers(outbox, reach) };
}

it("a collector that names one batch and never the other has that refused, and costs no memory for it", () => {
  const { outbox, answers } = aShipper();
  for (let round = 1; round <= 200; round += 1) {
    outbox.cutOne([], () => null);
    outbox.cutOne([], () => null);
    const left = outbox.queue.newest as QueuedBatch;
    for (let times = 0; times < 3; times += 1) {
      const sent = outbox.queue.head(1_000_000, 64);
      answers.take(sent, replyOf(sent.filter((one) => one !== left).map(ackOf)));
    }
    expect(outbox.queue.oldest).toBeUndefined();
    expect(outbox.ledger.drops).toEqual({ refused: round });
    expect(answers.leftOutCount).toBe(0);
  }
});

it("an answer of very many acks is looked at no longer than one that a request can have", () => {
  const { outbox, answers } = aShipper();
  outbox.cutOne([], () => null);
  const sent = outbox.queue.head(1_000_000, 64);
  const foreign = Array.from({ length: 1_000 }, (_, i) => ({
    ...ackOf(sent[0] as never),
    epoch: i + 2,
  }));
  answers.take(sent, replyOf([...foreign, ackOf(sent[0] as QueuedBatch)]));
  expect(outbox.ledger.acknowledged).toBe(0);
  answers.take(sent, replyOf(sent.map(ackOf)));
  expect(outbox.ledger.acknowledged).toBe(1);
});
