/** `causality` and `explain`, in words and as JSON, over a real collector. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addMs } from "../../../agent/kernel/index.ts";
import type { CausalityJson, ExplainJson } from "../../../collector/api/audit-shapes.ts";
import type { NodesJson } from "../../../collector/api/shapes.ts";
import { aBatch, type Row } from "../../support/batches.ts";
import { join, receive, send } from "../../support/told-history.ts";
import { NOW, startCollector, type TestCollector } from "../support.ts";
import { cli } from "./support.ts";

const at = (ms: number) => addMs(NOW, ms - 50_000);
let collector: TestCollector;

beforeAll(async () => {
  collector = await startCollector();
  const end = { closed: at(49_000) };
  // b answers in time; c's clock is behind and it does not merge; nobody hears the last send.
  const a: Row[] = [
    join(at(0)),
    send(at(10), "b"),
    receive(at(40), "b", 1, 3, at(30)),
    send(at(500), "c"),
    send(at(600), "d"),
  ];
  const b: Row[] = [join(at(0)), receive(at(12), "a", 1, 2, at(10)), send(at(30), "a")];
  const c: Row[] = [
    join(at(0)),
    { ...receive(at(400), "a", 1, 4, at(500)), unverified: true } as Row,
  ];
  for (const [node, rows] of Object.entries({ a, b, c })) {
    expect((await collector.post(aBatch(rows, { node, service: "kv", ...end }))).status).toBe(200);
  }
});
afterAll(() => collector.close());

describe("causality", () => {
  it("prints what is wrong first, and how far clocks are apart", async () => {
    const { out, code } = await cli(collector.url, "causality --from -55s");
    expect(code).toBe(0);
    expect(out).toContain("4 sends, 3 receives, 3 of them joined to their send.");
    expect(out).toMatch(/1 message received before the stamp of the sending:\n {2}a -> c/);
    expect(out).toMatch(/Stamps that the receiver did not merge:\n {2}a -> c {2}1 message/);
    expect(out).toMatch(/Sends that nobody received .*:\n {2}a -> d {2}1 message/);
    expect(out).toMatch(/b over a {2}-10\.000 ms to 2\.000 ms {2}2 messages/);
    expect(out).toMatch(/c over a {2}at most -100\.000 ms/);
  });

  it("as JSON is the answer of the API; --strict says no where order is broken", async () => {
    const { out, code } = await cli(collector.url, "causality --from -55s --json --strict");
    expect(code).toBe(1);
    const audit = JSON.parse(out) as CausalityJson;
    expect(audit.violationCount).toBe(1);
    expect(audit.refused).toEqual({ batches: 0, conflicts: 0 });
    const calm = await cli(collector.url, "causality --from -55s --node b --strict");
    expect([calm.code, calm.out]).toEqual([
      0,
      expect.stringContaining("Nothing is wrong with them."),
    ]);
  });

  it("shows in the list of nodes how far the others' clocks are ahead, once it was looked up", async () => {
    await collector.post(
      aBatch([send(at(49_400), "b"), send(at(49_500), "b")], {
        node: "a",
        firstSeq: 6,
        closed: at(49_900),
      }),
      aBatch([receive(at(49_502), "a", 1, 7, at(49_500))], {
        node: "b",
        firstSeq: 4,
        closed: at(49_900),
      }),
      aBatch([], { node: "c", firstSeq: 3, closed: at(49_900) }),
    );
    let offsets: NodesJson["nodes"][number]["offsets"] = null;
    for (let tries = 0; offsets === null && tries < 200; tries += 1) {
      const { body } = await collector.get<NodesJson>("/api/nodes");
      offsets = body.nodes.find(({ node }) => node === "b")?.offsets ?? null;
    }
    expect(offsets?.pairs).toEqual([{ node: "a", lowerUs: -2_000, upperUs: null, moved: false }]);
  });
});

describe("explain", () => {
  it("says why, node by node, and what to do", async () => {
    const { out, code } = await cli(collector.url, "explain --at -45s");
    expect(code).toBe(0);
    expect(out).toMatch(/^The cut at .* is complete: nothing of its 3 nodes is missing, and no/);
    const broken = await cli(collector.url, "explain --at -49550ms");
    expect(broken.out).toMatch(
      /\nc received a message of a before the stamp of its sending: .*\n {2}-> c did not merge/,
    );
    const late = await cli(collector.url, "explain --at now --wait 0 --json");
    const answer = JSON.parse(late.out) as ExplainJson;
    expect(answer.complete).toBe(false);
    expect(answer.findings.map(({ node, reason }) => [node, reason])).toEqual(
      ["a", "b", "c"].map((node) => [node, "lagging"]),
    );
  });
});
