import { afterEach, beforeEach, expect, it } from "vitest";
import { mergeStamp, stampedData } from "../../../../agent/examples/zookeeper-staleness/stamps.ts";
import { startTestAgent, type TestAgent } from "../../../../agent/testing.ts";

let test: TestAgent;
beforeEach(() => {
  test = startTestAgent();
});
afterEach(() => test.close());

/** What arrived at the agent, as it was recorded. */
async function receives(): Promise<readonly { readonly from: unknown }[]> {
  return (await test.events()).flatMap((event) => (event.kind === "receive" ? [event] : []));
}

it("carries a stamp in the data of a znode, and what comes after its reading is later", async () => {
  const data = stampedData(test.agent).toString("utf8");
  expect(data).toMatch(/^\{"retroscope-hlc":"1-[0-9a-f]{16}-/);
  // As another process would have written it whose clock is a second ahead.
  const ahead = data.replace(/[0-9a-f]{16}/, (hlc) => {
    return (BigInt(`0x${hlc}`) + (1_000n << 16n)).toString(16).padStart(16, "0"); // 48 bits of ms
  });
  const theirs = Buffer.from(ahead.replace(/-test"/, '-other"'));
  const before = test.agent.now();
  mergeStamp(test.agent, theirs);
  expect(test.agent.now() - before).toBeGreaterThan(999 * 4_096);
  expect(await receives()).toMatchObject([{ from: { node: "other" } }]);
});

it("takes data without a stamp for a message without one, whatever the data are", async () => {
  for (const text of ["", "17", "{", "null", "[1]", '{"retroscope-hlc":7}']) {
    mergeStamp(test.agent, Buffer.from(text));
  }
  expect((await receives()).filter(({ from }) => from !== null)).toEqual([]);
});
