/**
 * Answers over a stretch of which nothing is known, because it was not captured or because it is lost: a
 * variable in it is unknown, which is neither deleted nor absent.
 */
import { afterEach, describe, expect, it } from "vitest";
import { addMs, formatHlc, formatHlcDisplay, type Hlc } from "../../../agent/kernel/index.ts";
import type {
  DiffJson,
  EventsJson,
  SchemaJson,
  StepsJson,
  VariableHistoryJson,
} from "../../../collector/api/shapes.ts";
import { aBatch, type Row } from "../../support/batches.ts";
import { NOW, startCollector, type TestCollector } from "../support.ts";
import { cli } from "./support.ts";

const ago = (ms: number): Hlc => addMs(NOW, -ms);
const hex = (ms: number): string => formatHlc(ago(ms));
const opened: TestCollector[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

/** A depth that is 40 from 9 s ago, unknown from 6 s to 3 s ago, 44 until 2 s ago, then unknown. */
async function withGaps(reason: "not-captured" | "overflow"): Promise<TestCollector> {
  const collector = await startCollector();
  opened.push(collector);
  const join: Row = { t: ago(10_000), kind: "join", service: "queue", tags: {}, instance: "i1" };
  const set: Row = { t: ago(9_000), kind: "set", log: "q", key: "depth", value: 40 };
  const whole: Row[] = [
    { t: ago(3_000), kind: "keyframe", log: "q", state: new Map([["depth", 43]]) },
    { t: ago(2_900), kind: "set", log: "q", key: "depth", value: 44 },
    {
      t: ago(2_800),
      kind: "send",
      id: "m1",
      to: "other",
      peer: null,
      channel: "grpc",
      replaces: null,
      failed: false,
      streamed: true,
    },
  ];
  const gap = (firstSeq: number, lastSeq: number, first: number, last: number) => ({
    firstSeq,
    lastSeq,
    firstT: ago(first),
    lastT: ago(last),
    logs: ["q"],
    messages: false,
    reason,
  });
  const node = "od-1";
  const batches = [
    aBatch([join, set], { node, closed: ago(6_001) }),
    aBatch(whole, {
      node,
      firstSeq: 33,
      closed: ago(2_000),
      dropped: [gap(3, 32, 6_000, 3_001)],
    }),
    aBatch([], { node, firstSeq: 46, closed: NOW, dropped: [gap(36, 45, 1_900, 100)] }),
  ];
  for (const batch of batches) expect((await collector.post(batch)).status).toBe(200);
  return collector;
}

const cases = [
  {
    reason: "not-captured",
    unknown: "not-captured",
    flag: { notCaptured: true },
    words: "(unknown: not captured)",
  },
  {
    reason: "overflow",
    unknown: "lost",
    flag: { lost: true },
    words: "(unknown: changes of it are lost)",
  },
] as const;

describe.each(cases)("where changes are $unknown", ({ reason, unknown, flag, words }) => {
  it("a diff does not say that a variable went or came", async () => {
    const { url, get } = await withGaps(reason);
    const from = hex(2_500);
    const gone = await get<DiffJson>(`/api/diff?from=${from}&to=${hex(0)}`);
    const change = { node: "od-1", log: "q", key: "depth", count: 0 };
    expect(gone.body.changes).toEqual([{ ...change, before: 44, afterUnknown: unknown }]);
    const came = await get<DiffJson>(`/api/diff?from=${hex(4_000)}&to=${from}`);
    expect(came.body.changes).toEqual([{ ...change, count: 1, beforeUnknown: unknown, after: 44 }]);
    const { out } = await cli(url, `diff ${from} now --wait 0`);
    expect(out).toContain(`?  od-1  q  depth  44 -> ${words}`);
    expect(out).not.toContain("(none)");
  });

  it("a step says from where and until where a value is not known", async () => {
    const { url, get } = await withGaps(reason);
    const path = `/api/step?from=${hex(8_000)}&count=3&node=od-1`;
    const { body } = await get<StepsJson>(path);
    const variable = { node: "od-1", log: "q", key: "depth" };
    expect(body.steps.map(({ changes }) => changes)).toEqual([
      [{ ...variable, kind: unknown, before: 40, afterUnknown: unknown }],
      [{ ...variable, kind: "keyframe", beforeUnknown: unknown, after: 43 }],
      [{ ...variable, kind: "set", before: 43, after: 44 }],
    ]);
    const { out } = await cli(url, "step --from now --prev --node od-1");
    expect(out).toContain(`od-1  q  depth  ${unknown}  44 -> ${words}`);
  });

  it("a history says why a value is not known, and not that there is no such variable", async () => {
    const { url, get } = await withGaps(reason);
    const path = "/api/history?node=od-1&log=q&key=depth";
    const { body } = await get<VariableHistoryJson>(path);
    const plain = body.values.map(({ at: _at, epoch: _epoch, seq: _seq, ...rest }) => rest);
    expect(plain).toEqual([{ value: 40 }, flag, { value: 43 }, { value: 44 }, flag]);
    const { code, out, err } = await cli(url, "history od-1 q depth --from -1s");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain(words);
    // A name that what is missing may hold is no mistake.
    expect(await cli(url, "history od-1 q other --from -1s")).toMatchObject({ code: 0, err: "" });
    const schema = await get<SchemaJson>("/api/schema");
    expect(schema.body.logs).toMatchObject([{ log: "q", variableCount: 0, unknown }]);
  });

  it("a snapshot shows no empty state", async () => {
    const { url } = await withGaps(reason);
    const { out } = await cli(url, "snapshot --wait 0 --key depth");
    expect(out).toContain(`od-1 (queue, live)\n  ${words}\n`);
  });

  it("events say that some are missing, on every page", async () => {
    const { url, get } = await withGaps(reason);
    const range = `from=${hex(1_950)}&to=${hex(50)}`;
    const { body } = await get<EventsJson>(`/api/events?${range}&limit=1`);
    expect(body).toMatchObject({ events: [], complete: false, from: { hlc: hex(1_950) } });
    expect(body.incomplete).toEqual([
      expect.objectContaining({ node: "od-1", reason: unknown, events: 10 }),
    ]);
    const known = `from=${hex(2_990)}&to=${hex(2_000)}`;
    const whole = await get<EventsJson>(`/api/events?${known}`);
    expect(whole.body).toMatchObject({ complete: true, incomplete: [] });
    const { code, out } = await cli(url, "events --from -1950ms --to -50ms --node od-1");
    expect([code, out]).toEqual([0, expect.stringMatching(/^No such event /)]);
    expect(out).toMatch(
      new RegExp(`INCOMPLETE: events may be missing\\.\\n {2}od-1 {2}${unknown} {2}10 events`),
    );
    const json = JSON.parse((await cli(url, "events --from -1950ms --json")).out) as EventsJson;
    expect(json).toMatchObject({ events: [], complete: false });
  });
});

describe("what was not captured", () => {
  it.each([
    ["snapshot --wait 0", ago(1_000)],
    [`diff ${hex(2_500)} now --wait 0`, ago(1_900) - 1],
    ["events --from -2500ms", ago(1_900) - 1],
    ["history od-1 q depth --from -1s", ago(1_000)],
  ] as const)("can be asked for with what `%s` prints", async (line, from) => {
    const { url } = await withGaps("not-captured");
    const { out } = await cli(url, line);
    const range = `--from ${formatHlcDisplay(from as Hlc)} --to ${formatHlcDisplay(NOW)}`;
    expect(out).toContain(`retroscope capture ${range} --node od-1\n`);
    const words = out.match(/retroscope (capture .*)\n/)?.[1] ?? "";
    const asked = await cli(url, `${words} --wait 0`);
    expect([asked.code, asked.err]).toEqual([0, ""]);
    expect(asked.out).toContain("od-1");
  });

  it("is not asked for where events are lost for good", async () => {
    const { url } = await withGaps("overflow");
    for (const line of ["snapshot --wait 0", "events", "history od-1 q depth --from -1s"]) {
      expect((await cli(url, line)).out).not.toContain("retroscope capture");
    }
  });
});

describe("events", () => {
  it("show over which channel a message went, and keyframes only where they are asked for", async () => {
    const { url } = await withGaps("not-captured");
    const { out } = await cli(url, "events");
    expect(out).toContain("send  to other, grpc, streamed");
    expect(out).not.toContain("keyframe");
    expect((await cli(url, "events --kind keyframe")).out).toContain("keyframe  q, 1 variable");
  });

  it("of nodes that were heard of a moment ago are known until then, in one line", async () => {
    const collector = await startCollector();
    opened.push(collector);
    for (const node of ["a", "b"]) {
      const join: Row = { t: ago(5_000), kind: "join", service: "s", tags: {}, instance: node };
      await collector.post(aBatch([join], { node, closed: ago(node === "a" ? 400 : 300) }));
    }
    const { out } = await cli(collector.url, "events");
    expect(out).toContain("Known only until 400 ms before the end: a, b.");
    expect(out).not.toContain("INCOMPLETE");
    expect((await cli(collector.url, "events --to -1s")).out).not.toContain("Known only");
  });
});
