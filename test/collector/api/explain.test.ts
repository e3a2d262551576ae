/** Why a cut is as it is, in sentences: for every reason there is what is known of it, and something to do. */
import { describe, expect, it } from "vitest";
import { formatIsoMicros } from "../../../agent/kernel/index.ts";
import { explain, type Finding } from "../../../collector/api/explain.ts";
import type { Incomplete, IncompleteReason } from "../../../collector/cut/history.ts";
import type { Row } from "../../support/batches.ts";
import {
  atMs,
  join,
  receive,
  send,
  set,
  type ToldHistory,
  tellHistory,
} from "../../support/told-history.ts";

const iso = (ms: number): string => formatIsoMicros(atMs(ms));

function told(
  { history }: ToldHistory,
  ms: number,
): { summary: string; findings: readonly Finding[] } {
  return explain(history.cutAt(atMs(ms)), history.nodes());
}

function lossOf(reason: "overflow" | "not-captured"): object {
  const lost = { firstSeq: 2, lastSeq: 4, firstT: atMs(10), lastT: atMs(20) };
  return { dropped: [{ ...lost, logs: ["stock"], messages: true, reason }], closed: atMs(900) };
}

const cases: readonly (readonly [
  reason: string,
  why: RegExp,
  advice: RegExp,
  tell: (history: ToldHistory) => Promise<number>,
])[] = [
  [
    "lagging",
    new RegExp(`a is alive.*${iso(10)}`),
    /wait=2s/,
    async ({ tell, timers }) => {
      await tell("a", 1, [join(atMs(0))], { closed: atMs(10) });
      timers.advanceMs(0);
      return 50;
    },
  ],
  [
    "hole",
    /2 events of a, from number 2 on,/,
    /sends them again/,
    async ({ tell }) => {
      await tell("a", 1, [join(atMs(0))]);
      await tell("a", 4, [set(atMs(30), "l", "k", 1)]);
      return 30;
    },
  ],
  [
    "expired",
    new RegExp(`a fell silent after ${iso(10)} and was given up`),
    /when it was no member/,
    async ({ tell, pass }) => {
      await tell("a", 1, [join(atMs(0))], { closed: atMs(10) });
      await pass(61_000);
      return 11;
    },
  ],
  [
    "lost",
    /3 events of a of "stock" .* queue was full/,
    /Enlarge the agent's window/,
    async ({ tell }) => {
      await tell("a", 1, [join(atMs(0))]);
      await tell("a", 5, [set(atMs(30), "other", "k", 1)], lossOf("overflow"));
      return 40;
    },
  ],
  [
    "lost",
    new RegExp(`a ended without a word after ${iso(10)} and began anew at ${iso(500)}`),
    /process was killed/,
    async ({ tell }) => {
      await tell("a", 1, [join(atMs(0))], { closed: atMs(10) });
      await tell("a", 1, [join(atMs(500))], { epoch: 2 });
      return 100;
    },
  ],
  [
    "lagging",
    /two processes recorded under the id a/,
    /an id of its own/,
    async ({ tell }) => {
      await tell("a", 1, [join(atMs(0)), set(atMs(300), "l", "k", 1)]);
      await tell("a", 1, [join(atMs(100)), set(atMs(200), "l", "k", 2)], {
        epoch: 2,
        closed: atMs(900),
      });
      return 150;
    },
  ],
  [
    "not-captured",
    /a records on demand, and nobody asked for its 3 events/,
    /retroscope capture --from .* --node a$/,
    async ({ tell }) => {
      await tell("a", 1, [join(atMs(0))]);
      await tell("a", 5, [set(atMs(30), "other", "k", 1)], lossOf("not-captured"));
      return 40;
    },
  ],
  [
    "unknown-node",
    new RegExp(`received at ${iso(20)} names stranger`),
    /Let its agent ship/,
    async ({ tell }) => {
      await tell("a", 1, [join(atMs(0)), receive(atMs(20), "stranger", 1, 9, atMs(10))]);
      return 20;
    },
  ],
  [
    "lagging",
    /by a run of b of which nothing has come/,
    /cannot reach the collector/,
    async ({ tell }) => {
      await tell("b", 1, [join(atMs(0))], { closed: atMs(900) });
      await tell("a", 1, [join(atMs(0)), receive(atMs(20), "b", 7, 9, atMs(10))]);
      return 20;
    },
  ],
  [
    "lagging",
    /The file that a was imported from ends/,
    /import what comes after/,
    async ({ tell }) => {
      await tell("a", 1, [join(atMs(0))], { epoch: 7, imported: true, closed: atMs(10) });
      await tell("b", 1, [join(atMs(0))], { epoch: 7, imported: true, closed: atMs(90) });
      return 50;
    },
  ],
];

describe("an explanation", () => {
  it.each(cases)("of %s says %s", async (reason, why, advice, tell) => {
    const history = tellHistory();
    const ms = await tell(history);
    const { summary, findings } = told(history, ms);
    expect(summary).toMatch(/is incomplete: something of 1 node is missing/);
    const state = findings.filter(({ concerns }) => concerns === "state");
    expect(state).toHaveLength(1);
    expect(state[0]?.entry.reason).toBe(reason);
    expect(state[0]?.why).toMatch(why);
    expect(state[0]?.advice).toMatch(advice);
  });

  it("has words for every reason there is", () => {
    const reasons: Record<IncompleteReason, true> = {
      lagging: true,
      hole: true,
      suspect: true,
      expired: true,
      lost: true,
      "not-captured": true,
      "outside-retention": true,
      rebuilding: true,
      "unknown-node": true,
    };
    const history = tellHistory().history;
    const cut = history.cutAt(atMs(0));
    const bare = Object.keys(reasons).map((reason) => {
      const incomplete = [{ node: "a", reason } as Incomplete];
      const { findings } = explain({ ...cut, complete: false, incomplete }, []);
      return findings.map(({ why, advice }) => [
        why.includes("undefined"),
        why.length > 20,
        advice.length > 20,
      ]);
    });
    expect(bare).toEqual(bare.map(() => [[false, true, true]]));
  });

  it("of a cut that is in order says so, and of one that contradicts itself on which channel", async () => {
    const fine = tellHistory();
    await fine.tell("a", 1, [join(atMs(0)), set(atMs(10), "l", "k", 1)], { closed: atMs(900) });
    expect(told(fine, 100)).toEqual({
      summary: `The cut at ${iso(100)} is complete: nothing of its 1 node is missing, and no message was received in it that it does not see sent.`,
      findings: [],
    });
    const { tell, ...rest } = tellHistory();
    await tell("a", 1, [join(atMs(0)), send(atMs(500), "b")], { closed: atMs(900) });
    const early: Row = receive(atMs(20), "a", 1, 2, atMs(500));
    await tell("b", 1, [join(atMs(0)), early], { closed: atMs(900) });
    const { summary, findings } = told({ tell, ...rest }, 100);
    expect(summary).toMatch(/but it holds messages received but not sent/);
    expect(findings.map(({ concerns }) => concerns)).toEqual(["order"]);
    expect(findings[0]?.why).toMatch(/b received a message of a before .* by 480\.000 ms/);
  });

  it("of messages in flight says what of the time before is missing, though the cut is complete", async () => {
    const history = tellHistory();
    await history.tell("a", 1, [join(atMs(0))]);
    const keyframe: Row = { t: atMs(30), kind: "keyframe", log: "stock", state: new Map() };
    await history.tell("a", 5, [keyframe], lossOf("overflow"));
    const { findings } = told(history, 50);
    expect(findings.map(({ concerns }) => concerns)).toEqual(["messages"]);
    expect(findings[0]?.why).toMatch(/messages in flight may be missing/);
  });
});
