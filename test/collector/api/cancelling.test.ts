/**
 * Long questions whose askers go: nobody works for them any more, at once. Over HTTP, on LMDB, with
 * history that takes a question many turns to read.
 */
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BatchBuilder, encodeBatch, type Hlc, KindCode } from "../../../agent/kernel/index.ts";
import { createCollector } from "../../../collector/collector.ts";
import { NOW, startCollector, type TestCollector } from "../support.ts";

const BATCHES = 60;
const EVENTS = 10_000;
/** More than run at a time, fewer than may wait. */
const ASKED = 20;
/** On an idle machine it is over in milliseconds. */
const SOON = { timeout: 10_000 };
const START = (NOW - 600_000 * 4_096) as Hlc;

function bodyOf(index: number): Uint8Array {
  const builder = new BatchBuilder();
  const firstSeq = 1 + index * EVENTS;
  for (let seq = firstSeq; seq < firstSeq + EVENTS; seq += 1) {
    const t = (START + seq * 1_000) as Hlc;
    if (seq === 1) {
      builder.body(t, { kind: "join", service: "s", tags: {}, instance: "i" });
    } else builder.change(t, KindCode.set, "log", `k${seq % 100}`, seq);
  }
  const closed = (START + (firstSeq + EVENTS - 1) * 1_000) as Hlc;
  return encodeBatch(builder.build({ node: "n1", service: "s", epoch: 7, firstSeq, closed }));
}

let collector: TestCollector;
beforeAll(async () => {
  collector = await startCollector();
  for (let i = 0; i < BATCHES; i += 1) {
    const response = await fetch(`${collector.url}/v1/batches`, {
      method: "POST",
      headers: { "content-type": "application/vnd.retroscope.batch" },
      body: bodyOf(i) as Uint8Array<ArrayBuffer>,
    });
    expect(response.status).toBe(200);
  }
}, 60_000);
afterAll(() => collector.close());

interface Questions {
  readonly running: number;
  readonly waiting: number;
  readonly held: number;
  readonly cancelled: number;
}

async function questions(): Promise<Questions> {
  const { body } = await collector.get<{ questions: Questions }>("/api/nodes");
  return body.questions;
}

describe("a question whose asker goes", () => {
  const to = START + BATCHES * EVENTS * 1_000;
  const whole = `from=${START / 4_096 + Date.UTC(2020, 0, 1)}&to=${Math.floor(to / 4_096) + Date.UTC(2020, 0, 1)}`;
  const longOnes: readonly string[] = [
    `/api/diff?${whole}&all=true`,
    `/api/step?from=now&direction=prev&count=1000&key=none-such`,
    `/api/step?from=${START / 4_096 + Date.UTC(2020, 0, 1)}&count=1000&key=none-such`,
    `/api/history?node=n1&log=log&key=none-such&${whole}`,
    `/api/events?${whole}&kind=send`,
    `/api/timeline?${whole}&key=k1`,
    `/api/cut?at=now&wait=60s`,
  ];
  it.each(longOnes)("ends: %s", async (path) => {
    const before = (await questions()).cancelled;
    const asked = Array.from({ length: ASKED }, () => {
      const sent = httpRequest(collector.url + path, { agent: false });
      sent.on("error", () => {});
      sent.on("response", (response) => response.resume());
      sent.end();
      return sent;
    });
    await expect
      .poll(
        async () => {
          const { running, waiting, held } = await questions();
          return running + waiting + held;
        },
        { ...SOON, interval: 5 },
      )
      .toBeGreaterThan(2);
    for (const sent of asked) sent.destroy();
    // The one that asks is running itself.
    await expect.poll(questions, SOON).toMatchObject({ running: 1, waiting: 0, held: 0 });
    expect((await questions()).cancelled).toBeGreaterThan(before);
  });

  it("ends between two slices, without HTTP too, and leaves nothing to wait for at the close", async () => {
    const directory = collector.data;
    await collector.end();
    const again = await createCollector({
      data: directory,
      port: 0,
      clock: { now: () => NOW },
      quiet: true,
    });
    const range = { from: START, to: to as Hlc };
    const leaving = new AbortController();
    const answer = again.history.timeline(range, 1_000, { keys: ["k1"] }, leaving.signal);
    await new Promise((resolve) => setImmediate(resolve));
    leaving.abort();
    await expect(answer).rejects.toMatchObject({ code: "cancelled" });
    await again.close();
  });
});
