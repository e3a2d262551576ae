/** What doctor makes of a collector: a real one, in this process, whose clock stands still. */
import { afterEach, expect, it } from "vitest";
import { addMs, type Batch, type Hlc, unixMsFromTicks } from "../../../agent/kernel/index.ts";
import { CollectorClient } from "../../../collector/cli/client.ts";
import { examineCollector } from "../../../collector/cli/doctor-collector.ts";
import { aBatch } from "../../support/batches.ts";
import { NOW, startCollector, type TestCollector } from "../support.ts";

const open: TestCollector[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const ago = (ms: number): Hlc => addMs(NOW, -ms);

/** A node that joined, and of which nothing is known since `closed`. */
const joined = (node: string, at: Hlc, closed: Hlc): Batch =>
  aBatch([{ t: at, kind: "join", service: "shop", tags: {}, instance: "i" }], { node, closed });

async function findingsOf(...batches: readonly Batch[]) {
  const collector = await startCollector();
  open.push(collector);
  for (const batch of batches) expect((await collector.post(batch)).status).toBe(200);
  const client = new CollectorClient(collector.url);
  return (await examineCollector(client, () => unixMsFromTicks(NOW))).findings;
}

it.each([1, 2, 3, 40])("tells %d nodes that lag in two lines at most", async (count) => {
  const nodes = Array.from({ length: count }, (_, i) => `n-${i}`);
  const findings = await findingsOf(...nodes.map((n) => joined(n, ago(60_000), ago(4_000))));
  const told = findings.filter(({ subject }) => subject === "cut").map(({ what }) => what);
  expect(told).toHaveLength(count <= 2 ? count : 1);
  expect(told[0]).toMatch(count <= 2 ? /^incomplete: n-0 is / : new RegExp(`: ${count} nodes are`));
  expect(told[0]).toContain("n-0");
});

it("finds nothing wrong with a collector whose history is younger than the cut it looks at", async () => {
  const findings = await findingsOf(joined("n-0", ago(500), NOW));
  expect(findings.map(({ level }) => level)).not.toContain("bad");
  expect(findings.map(({ subject }) => subject)).not.toContain("cut");
});
