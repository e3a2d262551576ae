import { describe, expect, it } from "vitest";
import { type Hlc, parseHlc } from "../../agent/kernel/index.ts";
import type { CutJson } from "../../collector/api/shapes.ts";
import type { ApiClient, Query } from "../../ui/src/api/client.ts";
import type { Host } from "../../ui/src/host.ts";
import { createAnswers } from "../../ui/src/model/answers.ts";
import { createChoices } from "../../ui/src/model/choices.ts";
import { CutAsker, REST_MS } from "../../ui/src/model/cut-asking.ts";
import type { TileReader } from "../../ui/src/tiles/tile-reader.ts";
import { cutAt } from "../support/naive-history.ts";
import { makeScenario, SCENARIO_START } from "../support/ui-scenario.ts";

const base = cutAt(makeScenario(), SCENARIO_START);
const someNode = Object.values(base.nodes)[0] as CutJson["nodes"][string];

/** A page on a system of two nodes; answers and timers are moved by hand. */
function handMade(variablesPerNode: number) {
  const asked: { query: Query; resolve: (json: CutJson) => void }[] = [];
  const timers: { ms: number; run: () => void; isOff: boolean }[] = [];
  const host = {
    after(ms: number, run: () => void) {
      const timer = { ms, run, isOff: false };
      timers.push(timer);
      return () => {
        timer.isOff = true;
      };
    },
  } as unknown as Host;
  const client = {
    get: (_path: string, query: Query) =>
      new Promise((resolve) => asked.push({ query, resolve: resolve as (json: CutJson) => void })),
  } as unknown as ApiClient;
  const choices = createChoices();
  const answers = createAnswers(host, client, {} as TileReader);
  const asker = new CutAsker(host, choices, answers);
  asker.start();
  const variables = Object.fromEntries(
    Array.from({ length: variablesPerNode }, (_, i) => [`v-${i}`, i]),
  );
  const settle = () => new Promise<void>((done) => setImmediate(done));
  return {
    asker,
    choices,
    answers,
    /** What was asked: the nodes of a glance, or "whole", each with its time. */
    questions: () =>
      asked.map(({ query }) => [Number(parseHlc(String(query["at"]))), query["node"] ?? "whole"]),
    async answer(place: number) {
      const { query, resolve } = asked[place] as (typeof asked)[number];
      const names = (query["node"] as readonly string[] | undefined) ?? ["a", "b"];
      const nodes = Object.fromEntries(
        names.map((name) => [name, { ...someNode, logs: { kv: variables } }]),
      );
      resolve({ ...base, at: { hlc: String(query["at"]), time: "" }, members: [...names], nodes });
      await settle();
    },
    async rest() {
      for (const timer of timers.filter(({ ms, isOff }) => ms === REST_MS && !isOff)) {
        timer.isOff = true;
        timer.run();
      }
      await settle();
    },
  };
}

const t = (n: number) => n as Hlc;

describe("the cut while it moves", () => {
  it("comes whole at every move where the state is short", async () => {
    const { asker, choices, questions, answer } = handMade(3);
    choices.cut.value = t(1);
    await answer(0);
    asker.setInSight("a", true);
    choices.cut.value = t(2);
    await answer(1);
    expect(questions()).toEqual([
      [1, "whole"],
      [2, "whole"],
    ]);
    expect(asker.glance.value).toBeNull();
  });

  it("of a long state is a glance at the nodes in sight, and whole when it rests", async () => {
    const { asker, choices, answers, questions, answer, rest } = handMade(400);
    choices.cut.value = t(1);
    await answer(0);
    asker.setInSight("a", true);
    choices.cut.value = t(2);
    await rest();
    expect(questions().slice(1)).toEqual([[2, ["a"]]]);
    expect(asker.isResting).toBe(true);
    await answer(1);
    expect(asker.glance.value?.at).toBe(2);
    expect(answers.cut.answered.value?.answer.at).toBe(1);

    // It moves on before it has rested: the whole of 2 is never asked for, and its glance stays meanwhile.
    choices.cut.value = t(3);
    await rest();
    expect(asker.glance.value?.at).toBe(2);
    await answer(2);
    await rest();
    expect(questions().slice(2)).toEqual([
      [3, ["a"]],
      [3, "whole"],
    ]);
    expect(asker.isResting).toBe(false);
    await answer(3);
    expect(answers.cut.answered.value?.answer.at).toBe(3);
    expect(asker.glance.value).toBeNull();
  });

  it("looks once more when another node comes into sight before it rests", async () => {
    const { asker, choices, questions, answer } = handMade(400);
    choices.cut.value = t(1);
    await answer(0);
    asker.setInSight("a", true);
    choices.cut.value = t(2);
    await answer(1);
    asker.setInSight("b", true);
    expect(questions().at(-1)).toEqual([2, ["a", "b"]]);
    await answer(2);
    expect(Object.keys(asker.glance.value?.json.nodes ?? {})).toEqual(["a", "b"]);
  });

  it("comes whole where no node of it is in sight", async () => {
    const { choices, questions, answer } = handMade(400);
    choices.cut.value = t(1);
    await answer(0);
    choices.cut.value = t(2);
    expect(questions().at(-1)).toEqual([2, "whole"]);
  });
});
