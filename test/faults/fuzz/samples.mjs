/** Valid inputs to begin with: batches of every kind of event, with all that a header may hold. */
import {
  BatchBuilder,
  encodeBatch,
  KindCode,
  ticksFromUnixMs,
  ValueSet,
} from "#dist/agent/kernel/index.js";

/** 2026-11-21T16:00:00Z: the machine's clock of the fuzzed collector. */
export const NOW_MS = Date.UTC(2026, 10, 21, 16);
export const EPOCH = 217_000_000_000;
const NAMES = ["stock", "queue", "__proto__", "käse", "x".repeat(200)];

export function at(ms) {
  return ticksFromUnixMs(NOW_MS - 60_000) + Math.round(ms * 4_096);
}

/** An encoded batch; `count` events from `firstSeq` on, a millisecond apart. */
export function sampleBatch({
  node = "n1",
  epoch = EPOCH,
  firstSeq = 1,
  count = 40,
  chance,
  extra = {},
}) {
  const builder = new BatchBuilder();
  for (let seq = firstSeq; seq < firstSeq + count; seq += 1) {
    const t = at(seq);
    if (seq === 1) {
      builder.body(t, {
        kind: "join",
        service: "kv",
        tags: { zone: "a", __proto__x: "b" },
        instance: `i-${node}`,
      });
    } else {
      addEvent(builder, t, seq, chance);
    }
  }
  const last = firstSeq + count - 1;
  return encodeBatch(
    builder.build({
      node,
      service: "kv",
      epoch,
      firstSeq,
      closed: at(Math.max(last, firstSeq)),
      imported: false,
      dropped: [],
      status: { pid: 7, logs: ["stock"] },
      ...extra,
    }),
  );
}

function addEvent(builder, t, seq, chance) {
  const log = chance.of(NAMES);
  const key = `k${chance.below(8)}`;
  switch (chance.below(12)) {
    case 0:
      return builder.body(t, {
        kind: "send",
        channel: "http",
        to: chance.in(0.5) ? "n2" : null,
        peer: "127.0.0.1:80",
        id: chance.in(0.2) ? "m1" : null,
        replaces: null,
        failed: false,
        streamed: chance.in(0.2),
      });
    case 1:
      return builder.body(t, {
        kind: "receive",
        channel: "http",
        from: { node: "n2", epoch: EPOCH, seq },
        sentT: at(seq - chance.below(3)),
        peer: null,
        id: null,
        unverified: false,
        relayed: false,
      });
    case 11:
      return builder.body(t, {
        kind: "request",
        operation: "GET /cart",
        residenceUs: 5_200,
        outcome: "ok",
        calls: [{ to: "n2", startUs: 300, us: 4_100 }],
        waits: [{ to: "pool", startUs: 1, us: 2 }],
      });
    case 2:
      return builder.body(t, { kind: "mark", text: "deployed" });
    case 3:
      return builder.body(t, {
        kind: "keyframe",
        log,
        state: new Map([
          ["a", 1],
          ["s", new ValueSet(["x", 2, null])],
        ]),
      });
    case 4:
      return builder.change(t, KindCode.add, log, "members", `m${seq % 7}`);
    case 5:
      return builder.change(t, KindCode.remove, log, "members", `m${seq % 7}`);
    case 6:
      return builder.change(t, KindCode.delete, log, key);
    case 7:
      return builder.change(t, KindCode.set, log, key, {
        nested: [1, { deep: [true, null, "text"] }],
      });
    case 8:
      return builder.change(t, KindCode.set, log, key, seq / 3);
    default:
      return builder.change(t, KindCode.set, log, key, chance.in(0.5) ? seq : `v${seq}`);
  }
}
