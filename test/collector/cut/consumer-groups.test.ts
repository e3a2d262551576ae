/**
 * Messages that several consumer groups receive, each for itself: in flight until the last of the groups
 * known to receive it has it. Against an oracle of a few lines, over quick and slow groups, repeats,
 * receives before their send, failed sends, and senders that no group hears.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { Row } from "../../support/batches.ts";
import { Draw } from "../../support/random-history.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { atMs, join, send, set, tellHistory } from "../../support/told-history.ts";

const TIMEOUT_MS = 40;
const GROUPS = ["billing", "search", "audit@eu"];

interface Delivery {
  readonly t: number;
  readonly node: string;
  /** Undefined: over HTTP. */
  readonly group: string | undefined;
}

interface Sent {
  readonly seq: number;
  readonly t: number;
  readonly failed: boolean;
  readonly deliveries: readonly Delivery[];
}

/** Receives are sent by `source` alone; the others receive. */
function drawMessages(draw: Draw): Sent[] {
  return Array.from({ length: 25 }, (_, i): Sent => {
    const t = 200 + i * 7;
    const failed = draw.chance(0.1);
    const isKafka = draw.chance(0.8);
    const groups = isKafka ? GROUPS.filter(() => draw.chance(0.5)) : [undefined];
    const deliveries = failed
      ? []
      : groups.flatMap((group) =>
          Array.from({ length: draw.chance(0.2) ? 2 : 1 }, (): Delivery => {
            const late = draw.chance(0.25) ? 45 + draw.below(200) : 1 + draw.below(30);
            const ms = draw.chance(0.1) ? -draw.below(120) : late;
            return { t: t + ms, node: draw.one(["x", "y", "z"]), group };
          }),
        );
    return { seq: 2 + i, t, failed, deliveries: deliveries.filter(() => draw.chance(0.9)) };
  });
}

/** `seq -> to` of what is in flight. */
function oracle(messages: readonly Sent[], t: number): string[] {
  return messages.flatMap(({ seq, t: sentAt, failed, deliveries }) => {
    if (failed || sentAt > t) return [];
    if (deliveries.length === 0) return t - sentAt < TIMEOUT_MS ? [`${seq} -> null`] : [];
    const first = new Map<string | undefined, Delivery>();
    for (const one of deliveries) {
      const known = first.get(one.group);
      if (known === undefined || one.t < known.t) first.set(one.group, one);
    }
    const waited = [...first.values()].filter((one) => one.t > t).map((one) => one.t);
    if (waited.length === 0) return [];
    const next = Math.min(...waited);
    const isNext = (one: Delivery): boolean => one.t === next && first.get(one.group)?.t === next;
    const to = deliveries.filter(isNext).map(({ node }) => node);
    return [`${seq} -> ${to.sort().join(" or ")}`];
  });
}

function rowsOf(node: string, messages: readonly Sent[]): Row[] {
  const rows: Row[] = messages.flatMap(({ seq, t, deliveries }) =>
    deliveries
      .filter((one) => one.node === node)
      .map((one): Row => {
        const isKafka = one.group !== undefined;
        return {
          t: atMs(one.t),
          kind: "receive",
          channel: isKafka ? "kafka" : "http",
          peer: isKafka ? `kafka:orders@${one.group}` : "10.0.0.1:80",
          from: { node: "source", epoch: 1, seq },
          sentT: atMs(t),
          id: null,
          unverified: false,
          relayed: false,
        };
      }),
  );
  return [join(atMs(0)), ...rows.sort((a, b) => a.t - b.t)];
}

describe("a message for several consumer groups", () => {
  it("is in flight until the last group that receives it has it", async () => {
    let waitedTwice = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 30 }), async (seed) => {
        const draw = new Draw(seededRandom(seed));
        const { history, tell } = tellHistory({ limits: { messageTimeoutMs: TIMEOUT_MS } });
        const messages = drawMessages(draw);
        const sends = messages.map(({ t, failed }) => send(atMs(t), null, { failed }));
        const batches = ["x", "y", "z"].map((node) => ({ node, rows: rowsOf(node, messages) }));
        batches.push({ node: "source", rows: [join(atMs(0)), ...sends] });
        batches.sort((a, b) => (draw.chance(0.5) ? 1 : a.node < b.node ? -1 : 1));
        const half = (rows: readonly Row[]): number => {
          let first = 1 + draw.below(rows.length);
          // What has one stamp is one commit, and in one batch.
          while (first < rows.length && rows[first]?.t === rows[first - 1]?.t) first += 1;
          return first;
        };
        const rest: typeof batches = [];
        for (const { node, rows } of batches) {
          const first = half(rows);
          await tell(node, 1, rows.slice(0, first));
          if (first < rows.length) rest.push({ node, rows: rows.slice(first) });
          if (draw.chance(0.3)) history.cutAt(atMs(300));
        }
        for (const { node, rows } of rest) {
          const all = batches.find((one) => one.node === node)?.rows.length ?? 0;
          const end = { closed: Math.max(atMs(900), rows.at(-1)?.t ?? 0) as Hlc };
          await tell(node, 1 + all - rows.length, rows, end);
          history.cutAt(atMs(draw.below(900)));
        }
        for (let ms = 60; ms < 700; ms += 1 + draw.below(9)) {
          const expected = oracle(messages, ms);
          const told = history.cutAt(atMs(ms)).inFlight.map((one) => ({ ...one }));
          expect([ms, told.map(({ send: { seq } }) => seq)]).toEqual([
            ms,
            expected.map((text) => Number(text.split(" ")[0])),
          ]);
          for (const [i, { to, send: ref }] of told.entries()) {
            const text = expected[i] as string;
            const names = text.slice(text.indexOf("->") + 3).split(" or ");
            expect([ms, ref.seq, names.includes(String(to))]).toEqual([ms, ref.seq, true]);
          }
          waitedTwice += expected.filter((text) => {
            const seq = Number(text.split(" ")[0]);
            const one = messages.find((message) => message.seq === seq) as Sent;
            return (
              one.deliveries.some(({ t }) => t <= ms) && one.deliveries.some(({ t }) => t > ms)
            );
          }).length;
        }
      }),
      { numRuns: 60 },
    );
    // Enough of them were received by one group and waited for by another.
    expect(waitedTwice).toBeGreaterThan(1_000);
  });

  it("is one message in the answer, and waits for the group that is slow beyond the time-out", async () => {
    const { history, tell } = tellHistory({ limits: { messageTimeoutMs: TIMEOUT_MS } });
    await tell("source", 1, [join(atMs(0)), send(atMs(10)), set(atMs(11), "l", "k", 1)], {
      closed: atMs(900),
    });
    const deliveries: Delivery[] = [
      { t: 12, node: "x", group: "billing" },
      { t: 500, node: "x", group: "search" },
    ];
    const message = { seq: 2, t: 10, failed: false, deliveries };
    await tell("x", 1, rowsOf("x", [message]), { closed: atMs(900) });
    for (const [ms, count] of [
      [9, 0],
      [10, 1],
      [12, 1],
      [60, 1],
      [499, 1],
      [500, 0],
    ] as const) {
      expect([ms, history.cutAt(atMs(ms)).inFlight.length]).toEqual([ms, count]);
    }
  });
});

describe("messages in flight that may not be all", () => {
  it("have the reason beside them, for losses before T too that the cut itself has got over", async () => {
    const { history, tell } = tellHistory({ limits: { messageTimeoutMs: TIMEOUT_MS } });
    const lost = { firstSeq: 2, lastSeq: 3, firstT: atMs(5), lastT: atMs(8) };
    const dropped = [{ ...lost, logs: ["l"], messages: true, reason: "overflow" as const }];
    await tell("a", 1, [join(atMs(0))]);
    const keyframe: Row = { t: atMs(10), kind: "keyframe", log: "l", state: new Map() };
    await tell("a", 4, [keyframe, set(atMs(11), "l", "k", 1)], { dropped, closed: atMs(900) });
    const cut = history.cutAt(atMs(20));
    expect([cut.complete, cut.inFlightComplete]).toEqual([true, false]);
    expect(cut.inFlightIncomplete).toEqual([
      { node: "a", reason: "lost", from: atMs(5), to: atMs(8), events: 2, logs: ["l"] },
    ]);
    const later = history.cutAt(atMs(48));
    expect([later.inFlightComplete, later.inFlightIncomplete]).toEqual([true, []]);
  });

  it("are said to be more where more slow ones are under way than are looked at", async () => {
    const limits = { messageTimeoutMs: TIMEOUT_MS, messagesLooked: 5 };
    const { history, tell } = tellHistory({ limits });
    const sends = Array.from({ length: 9 }, (_, i) => send(atMs(1 + i), "x"));
    await tell("source", 1, [join(atMs(0)), ...sends], { closed: atMs(900) });
    const messages = sends.map(({ t: _t }, i): Sent => {
      return {
        seq: 2 + i,
        t: 1 + i,
        failed: false,
        deliveries: [{ t: 500 + i, node: "x", group: undefined }],
      };
    });
    await tell("x", 1, rowsOf("x", messages), { closed: atMs(900) });
    const cut = history.cutAt(atMs(300));
    expect([cut.complete, cut.inFlightComplete, cut.inFlight.length]).toEqual([true, false, 5]);
    expect(cut.inFlightIncomplete).toEqual([]);
  });
});
