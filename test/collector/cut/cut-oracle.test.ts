/**
 * Cuts against the naive oracle, on random histories: states, completeness with its reasons, members,
 * violations, messages in flight; with and without filters; over tiny checkpoints, after repairs, and
 * without any checkpoint.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toJsonForm } from "../../../agent/kernel/index.ts";
import type { Cut } from "../../../collector/cut/history.ts";
import { type Asked, reason } from "../../support/cut-oracle.ts";
import { type HistoryCase, openCase, randomAsked, SHAPES } from "../../support/history-case.ts";
import type { KnownEpoch } from "../../support/store-history.ts";

const CUTS_PER_HISTORY = 25;

describe("a cut", () => {
  for (const shape of SHAPES) {
    it(`is what a naive replay says: ${JSON.stringify(shape)}`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 30 }), async (seed) => {
          const one = await openCase({ seed, ...shape });
          const { history, oracle, draw, model } = one;
          const first = Math.min(...oracle.epochs.map(({ record }) => record.joined));
          for (let i = 0; i < CUTS_PER_HISTORY && oracle.epochs.length > 0; i += 1) {
            const t = draw.one(model.times);
            if (t < first) continue;
            const asked = randomAsked(one);
            expect(plainCut(history.cutAt(t, asked))).toEqual(expectedCut(one, t, asked));
          }
        }),
        // 469937282: received before it was sent, and once more, slowly.
        // 857685559, of 30 events: of the first run nothing came but its goodbye.
        { numRuns: 60, examples: [[469_937_282], [857_685_559]] },
      );
    });
  }
});

function plainCut(cut: Cut): unknown {
  return {
    complete: cut.complete,
    incomplete: cut.incomplete.map(reason).sort(),
    members: cut.members,
    consistent: cut.consistent,
    violations: cut.violations
      .map(({ send, receive }) => `${idOf(send)} -> ${idOf(receive)}`)
      .sort(),
    nodes: [...cut.nodes].map(([node, { service, epoch, status, logs }]) => [
      node,
      { service, epoch, status, logs: plainLogs(logs) },
    ]),
    inFlight: cut.inFlight
      .map(({ id, from, to, peer, sentAt }) => [id, from, to, peer, sentAt].join(" "))
      .sort(),
    inFlightComplete: cut.inFlightComplete,
    unchecked: cut.unchecked.map(({ to }) => to),
  };
}

function idOf({ node, epoch, seq }: { node: string; epoch: number; seq: number }): string {
  return `${node}/${epoch}/${seq}`;
}

function plainLogs(
  logs: Cut["nodes"] extends ReadonlyMap<string, infer N>
    ? N extends { logs: infer L }
      ? L
      : never
    : never,
): unknown {
  const plain: Record<string, Record<string, unknown>> = {};
  for (const [log, variables] of logs) {
    const held = Object.create(null) as Record<string, unknown>;
    for (const [key, value] of variables) held[key] = toJsonForm(value);
    plain[log] = held;
  }
  return plain;
}

function ended(run: KnownEpoch | undefined): string | undefined {
  return run?.record.end?.kind;
}

function expectedCut({ oracle }: HistoryCase, t: number, asked: Asked): unknown {
  const incomplete = oracle.incomplete(t, asked);
  const violations = oracle.violations(t, asked);
  const names = oracle.nodeNames(asked);
  const members = names.filter((node) => oracle.isMember(oracle.runAt(node, t), t));
  return {
    complete: incomplete.length === 0,
    incomplete,
    members,
    consistent: violations.length === 0,
    violations,
    nodes: names.map((node) => {
      const run = oracle.runAt(node, t);
      const isMember = oracle.isMember(run, t);
      const { model } = run ?? (oracle.runsOf(node)[0] as NonNullable<typeof run>);
      const now = oracle.statusNow(node);
      const gone = now === "left" || now === "expired";
      const then = gone ? (model.imported ? "imported" : "live") : now;
      return [
        node,
        {
          service: model.service,
          epoch: model.epoch,
          status: isMember ? then : (ended(run) ?? now),
          logs: isMember ? oracle.stateOf(run, t, asked) : {},
        },
      ];
    }),
    inFlight: oracle.inFlight(t, asked),
    inFlightComplete: oracle.inFlightComplete(t, asked),
    unchecked: members.filter((node) => (oracle.runAt(node, t)?.model.unstamped.length ?? 0) > 0),
  };
}
