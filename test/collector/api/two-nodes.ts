/**
 * A real collector (LMDB, HTTP) that knows two nodes which exchange a message; the second never says more
 * than its first batch.
 *
 *     n1   join  set   send(m1)  set          leave-less, closed at +50 ms
 *     n2                            receive(m1)  set {a,b}   closed at +30 ms
 */
import { afterAll, expect, vi } from "vitest";
import { addMs, formatHlc, type Hlc, ValueSet } from "../../../agent/kernel/index.ts";
import type { NodesJson } from "../../../collector/api/shapes.ts";
import { aBatch } from "../../support/batches.ts";
import { NOW, startCollector, type TestCollector } from "../support.ts";

const START = addMs(NOW, -1_000);
/** So many milliseconds after the first event. */
export const at = (ms: number): Hlc => addMs(START, ms);
export const hex = (ms: number): string => formatHlc(at(ms));
export const join = (t: Hlc, service: string) =>
  ({ t, kind: "join", service, tags: { zone: "a" }, instance: "i1" }) as const;
const message = { channel: "http", to: null, peer: null, id: null };

export interface TwoNodes {
  readonly collector: TestCollector;
  /** The answer to a question that must be answered. */
  good<Answer>(path: string): Promise<Answer>;
}

/** For the top of a file: what is started is closed after its last test. */
export async function twoNodes(): Promise<TwoNodes> {
  const collector = await startCollector();
  afterAll(() => collector.close());
  const n1 = aBatch(
    [
      join(at(0), "cart"),
      { t: at(10), kind: "set", log: "stock", key: "apples", value: 12 },
      { t: at(10), kind: "set", log: "stock", key: "pears", value: 5 },
      {
        ...message,
        t: at(15),
        kind: "send",
        to: "n2",
        replaces: null,
        failed: false,
        streamed: false,
      },
      { t: at(20), kind: "set", log: "stock", key: "apples", value: 11 },
      { t: at(40), kind: "delete", log: "stock", key: "pears" },
    ],
    { node: "n1", service: "cart", epoch: 7, closed: at(50) },
  );
  const n2 = aBatch(
    [
      join(at(5), "ring"),
      {
        t: at(25),
        kind: "receive",
        channel: "http",
        from: { node: "n1", epoch: 7, seq: 4 },
        sentT: at(15),
        peer: null,
        id: null,
        unverified: false,
        relayed: false,
      },
      { t: at(28), kind: "set", log: "ring", key: "members", value: ValueSet.of(["b", "a"]) },
      { t: at(28), kind: "set", log: "ring", key: "__proto__", value: { $odd: 1 } },
    ],
    { node: "n2", service: "ring", epoch: 9, closed: at(30) },
  );
  expect((await collector.post(n1, n2)).status).toBe(200);
  // Clock offsets are worked out behind ingest: an answer is the same from here on.
  await vi.waitFor(
    async () => {
      const { body } = await collector.get<NodesJson>("/api/nodes");
      expect(body.nodes.map(({ offsets }) => offsets)).not.toContain(null);
    },
    { timeout: 10_000 },
  );
  return {
    collector,
    async good<Answer>(path: string) {
      const { status, body } = await collector.get<Answer>(path);
      expect([status, path, status === 200 ? "" : JSON.stringify(body)]).toEqual([200, path, ""]);
      return body;
    },
  };
}
