/**
 * Faults planted between store and engine, one at a time: the comparison with the oracle must notice
 * each, else it proves nothing.
 */
import { describe, expect, it } from "vitest";
import { type Hlc, toJsonForm } from "../../../agent/kernel/index.ts";
import type { DirectoryRecord, HistoryStore } from "../../../collector/store/history-store.ts";
import { type HistoryCase, openCase } from "../../support/history-case.ts";
import { plainText } from "../../support/step-oracle.ts";
import { over } from "../../support/store-over.ts";

const SEEDS = 12;
const SHAPE = { size: 120, repaired: true, checkpoints: true, batchEvents: 7, segments: true };

const FAULTS: readonly [what: string, plant: (store: HistoryStore) => HistoryStore][] = [
  [
    "a checkpoint claims one event more than it holds, as one that splits a commit would",
    (store) => over(store, { directoryAt: (id, t) => shifted(store.directoryAt(id, t), 1) }),
  ],
  [
    "a checkpoint is dated before its last event",
    (store) =>
      over(store, {
        directoryAt(id, t) {
          const found = store.directoryAt(id, (t + 400) as Hlc);
          return found && { ...found, t: Math.min(found.t, t) as Hlc };
        },
      }),
  ],
  [
    "a repair leaves older checkpoints standing",
    (store) => {
      const kept = new Map<string, DirectoryRecord>();
      const states = new Map<string, Uint8Array>();
      return over(store, {
        repairCount: () => 0,
        async writeCheckpoint(checkpoint) {
          await store.writeCheckpoint(checkpoint);
          const { epochId, seq, t, directory } = checkpoint;
          kept.set(`${epochId}/${seq}`, { epochId, seq, t, bytes: directory });
          for (const { log, bytes } of checkpoint.logs)
            states.set(`${epochId}/${log}/${seq}`, bytes);
        },
        directoryAt: (id, t) =>
          [...kept.values()]
            .filter((one) => one.epochId === id && one.t <= t)
            .sort((a, b) => a.seq - b.seq)
            .at(-1),
        checkpoint: (id, log, seq) => states.get(`${id}/${log}/${seq}`),
      });
    },
  ],
  [
    "a log's state is taken from the round before",
    (store) =>
      over(store, {
        checkpoint(id, log, seq) {
          const record = store.epoch(id);
          for (let earlier = seq - 1; record !== undefined && earlier > 0; earlier -= 1) {
            const found = store.checkpoint(id, log, earlier);
            if (found !== undefined) return found;
          }
          return store.checkpoint(id, log, seq);
        },
      }),
  ],
];

function shifted(record: DirectoryRecord | undefined, by: number): DirectoryRecord | undefined {
  return record && { ...record, seq: record.seq + by };
}

/** `askAt` turns the time that is meant into the one that the engine is asked for. */
function differs({ history, oracle, model }: HistoryCase, askAt = (t: Hlc): Hlc => t): boolean {
  const first = Math.min(...oracle.epochs.map(({ record }) => record.joined));
  return model.times.some((t) => {
    if (askAt(t) < first) return false;
    const cut = history.cutAt(askAt(t));
    return cut.members.some((node) => {
      const run = oracle.runAt(node, t);
      const state = run === undefined ? {} : oracle.stateOf(run, t, {});
      const logs: Record<string, Record<string, unknown>> = {};
      for (const [log, variables] of cut.nodes.get(node)?.logs ?? []) {
        logs[log] = Object.create(null) as Record<string, unknown>;
        for (const [key, value] of variables) logs[log][key] = toJsonForm(value);
      }
      return plainText(logs as never) !== plainText(state);
    });
  });
}

async function seedThatDiffers(
  plant?: (store: HistoryStore) => HistoryStore,
  askAt?: (t: Hlc) => Hlc,
): Promise<number | undefined> {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const one = await openCase({ seed, ...SHAPE, ...(plant ? { wrap: plant } : {}) });
    if (one.oracle.epochs.length > 0 && differs(one, askAt)) return seed;
  }
  return undefined;
}

describe("the comparison with the oracle", () => {
  it("finds nothing wrong in the engine as it is", async () => {
    expect(await seedThatDiffers()).toBeUndefined();
  });

  it("notices when an event at exactly T is left out (< for <=)", async () => {
    expect(await seedThatDiffers(undefined, (t) => (t - 1) as Hlc)).toBeDefined();
  });

  for (const [what, plant] of FAULTS) {
    it(`notices when ${what}`, async () => {
      expect(await seedThatDiffers(plant)).toBeDefined();
    });
  }
});
