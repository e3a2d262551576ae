/** A saved cut asked by its time for logs of runs that retention has forgotten. */
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { encodeBatch, formatHlc, ticksFromUnixMs } from "../../../agent/kernel/index.ts";
import { createApp } from "../../../collector/api/app.ts";
import { packedCut } from "../../../collector/api/saved-cut-json.ts";
import { aBatch, type Row } from "../../support/batches.ts";
import { atTick } from "../ingest/support.ts";
import { closeScenes, opened, type Scene } from "../retention/support.ts";

const AT = atTick(50);

afterEach(closeScenes);

/** Answers questions of a scene over HTTP while `ask` is at work. */
async function served(
  { history, keeping, timers }: Scene,
  ask: (get: (search: string) => Promise<{ status: number; body: unknown }>) => Promise<void>,
): Promise<void> {
  const now = () => ticksFromUnixMs(timers.wallMs()) as typeof AT;
  const failed = (error: unknown): never => {
    throw error;
  };
  const parts = { history, keeping, now, uiDirectory: import.meta.dirname };
  const app = createApp({ ...parts, isReady: () => true, report: failed });
  const server = app.listen(0, "127.0.0.1");
  try {
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    await ask(async (search) => {
      const url = `http://127.0.0.1:${port}/api/cut?at=${formatHlc(AT)}${search}`;
      const response = await fetch(url);
      return { status: response.status, body: await response.json() };
    });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** A cut of n2 and its log "ring", saved; n2 is forgotten since, and n1 told of the same time later. */
async function forgotten(): Promise<Scene> {
  const scene = opened({ retentionMs: 60_000 });
  const { history, keeping, timers, ingest } = scene;
  const rows: Row[] = [
    { t: atTick(10), kind: "join", service: "kv", tags: {}, instance: "i2" },
    { t: atTick(40), kind: "set", log: "ring", key: "a", value: 7 },
    { t: atTick(90), kind: "leave" },
  ];
  await ingest.submit(encodeBatch(aBatch(rows, { node: "n2", service: "kv" })));
  const cut = history.cutAt(AT);
  const label = { complete: cut.complete, consistent: cut.consistent, memberCount: 1 };
  await keeping.saved.save({ ...label, name: "kept", at: AT, savedMs: 1 }, await packedCut(cut));
  for (const _ of ["what it told", "that it was there"]) {
    timers.advance(61_000);
    await keeping.retention.round();
  }
  await scene.ship(0, "n1");
  expect(history.nodes().map(({ node }) => node)).toEqual(["n1"]);
  return scene;
}

describe("a saved cut of a run that is forgotten", () => {
  it("answers for its logs, which history knows no more, and for no log that nobody knows", async () => {
    const ring = { saved: { name: "kept" }, nodes: { n2: { logs: { ring: { a: 7 } } } } };
    await served(await forgotten(), async (get) => {
      for (const [search, status, answer] of [
        ["", 200, ring],
        ["&log=ring", 200, ring],
        ["&node=n2&log=ring", 200, ring],
        // History knows it, and n2 had none.
        ["&log=ring&log=stock", 200, ring],
        ["&log=rnig", 404, { error: { code: "unknown-log" } }],
        ["&log=ring&log=rnig", 404, { error: { code: "unknown-log" } }],
        ["&node=n1&log=ring", 404, { error: { code: "unknown-log" } }],
        ["&node=n2&log=rnig", 404, { error: { code: "unknown-node" } }],
      ] as const) {
        expect([search, await get(search)]).toMatchObject([search, { status, body: answer }]);
      }
    });
  });
});
