import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatHlc, type Hlc, parseHlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { EventLineJson, EventsJson } from "../../collector/api/shapes.ts";
import type { ApiReader, Query } from "../../ui/src/api/client.ts";
import { type Before, findBefore, findReceive, nameOf } from "../../ui/src/model/why.ts";
import { endWords } from "../../ui/src/model/why-words.ts";
import { eventsIn, timeJson } from "../support/naive-history.ts";
import type { Scenario, ScenarioEvent } from "../support/ui-scenario.ts";
import { whyCorpora } from "../support/why-corpus.ts";

const signal = new AbortController().signal;

interface Lost {
  readonly node: string;
  readonly from: number;
  readonly to: number;
}

/** `/api/events` of the scenario, in pages as small as `mostRows`; events of `lost` are missing, and named. */
function clientOf(scenario: Scenario, lost?: Lost, mostRows = 10_000): ApiReader {
  const isLost = ({ node, t }: ScenarioEvent) =>
    node === lost?.node && t >= lost.from && t <= lost.to;
  const known = { ...scenario, events: scenario.events.filter((event) => !isLost(event)) };
  return {
    get: async <Answer>(path: string, query: Query) => {
      expect(path).toBe("/api/events");
      const time = (name: string) => parseHlc(String(query[name] ?? ""));
      const [from, to] = [time("from") as number, time("to") as number];
      const start = time("cursor") ?? from;
      const many = (name: string) => [query[name] ?? []].flat().map(String);
      const rows = Math.min(mostRows, Number(query["limit"] ?? 1_000));
      const answer = eventsIn(known, start, to, many("node"), rows, many("kind"));
      const last = answer.events.at(-1);
      const more = eventsIn(known, start, to, many("node"), rows + 1, many("kind"));
      const isMore = more.events.length > answer.events.length && last !== undefined;
      const touches = lost !== undefined && lost.from <= to && lost.to >= from;
      const missing = { node: lost?.node ?? "", reason: "lost", events: 3 };
      const range = { from: timeJson(lost?.from ?? 0), to: timeJson(lost?.to ?? 0) };
      const { next: _, ...page } = answer;
      return {
        ...page,
        incomplete: touches ? [{ ...missing, ...range }] : [],
        ...(isMore && { next: formatHlc(((parseHlc(last.t.hlc) as number) + 1) as Hlc) }),
      } as unknown as Answer;
    },
  } as ApiReader;
}

async function lineOf(client: ApiReader, { node, t }: { node: string; t: Hlc }) {
  const query = { from: formatHlc(t), to: formatHlc(t), node };
  const { events } = await client.get<EventsJson>("/api/events", query, signal);
  return events[0] as EventLineJson;
}

function latestReceive({ events }: Scenario, { node, t }: ScenarioEvent) {
  return events.findLast((e) => e.node === node && e.kind === "receive" && e.t < t);
}

function receiveOf(before: Before) {
  return "receive" in before && before.receive !== null ? nameOf(before.receive) : undefined;
}

describe("why this value", () => {
  it("leads over requests and messages to where it came from, across all processes", async () => {
    const corpora = fc.boolean().chain((isArrivalKnown) => whyCorpora(160, isArrivalKnown));
    await fc.assert(
      fc.asyncProperty(corpora, fc.integer({ min: 2, max: 40 }), async (corpus, mostRows) => {
        const client = clientOf(corpus.scenario);
        const paged = clientOf(corpus.scenario, undefined, mostRows);
        for (const [write, chain] of corpus.chains) {
          let line = await lineOf(client, write);
          for (const cause of chain) {
            const before = await findBefore(cause.kind === "send" ? paged : client, line, signal);
            const name = before.type === "send" ? before.send : receiveOf(before);
            expect(name).toMatchObject({ node: cause.node, seq: cause.seq, t: cause.t });
            if (cause.kind === "receive") expect(before.type).toBe("request");
            line = await lineOf(client, cause);
          }
          // Nothing ever came to the gateway.
          if (line.node === "gateway-1") {
            expect((await findBefore(client, line, signal)).type).toBe("none");
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  it("claims a request only where that is sure, and else names the latest message as such", async () => {
    const seen = new Set<string>();
    const corpora = fc.boolean().chain((isArrivalKnown) => whyCorpora(24, isArrivalKnown));
    await fc.assert(
      fc.asyncProperty(corpora, fc.integer({ min: 2, max: 6 }), async (corpus, mostRows) => {
        const client = clientOf(corpus.scenario);
        const paged = clientOf(corpus.scenario, undefined, mostRows);
        for (const [write, [cause]] of corpus.chains) {
          if (cause === undefined) continue;
          const line = await lineOf(client, write);
          const before = await findBefore(client, line, signal);
          seen.add(before.type);
          const truth = before.type === "request" ? cause : latestReceive(corpus.scenario, write);
          expect(receiveOf(before)).toMatchObject({ node: truth?.node, seq: truth?.seq });
          // Where there are too many to read, nothing is claimed, and order still holds.
          const short = await findBefore(paged, line, signal);
          if (short.type === "latest") {
            expect(receiveOf(short)?.seq).toBe(latestReceive(corpus.scenario, write)?.seq);
          }
        }
      }),
      { numRuns: 25 },
    );
    expect([...seen].sort()).toEqual(["latest", "request"]);
  });

  it("ends in words at lost events that may hold the message, and says what is known before", async () => {
    await fc.assert(
      fc.asyncProperty(whyCorpora(160, true), fc.nat(), async ({ scenario, chains }, pick) => {
        const behind = [...chains].filter(([, chain]) => chain.length > 0);
        const [write, [receive]] = behind[pick % behind.length] as [ScenarioEvent, ScenarioEvent[]];
        const lost = { node: write.node, from: (receive?.t ?? 0) - 5, to: write.t - 1 };
        const client = clientOf(scenario, lost);
        const line = await lineOf(client, write);
        const before = await findBefore(client, line, signal);
        expect(before.type).toBe("missing");
        const earlier = latestReceive(scenario, { ...write, t: lost.from as Hlc });
        expect(receiveOf(before)?.seq).toBe(earlier?.seq);
        expect(endWords(line, before)).toMatch(
          /^(cart|stock)-1 lost 3 events .* may be among them/,
        );
        // A loss that is over before the message came changes nothing.
        const old = { ...lost, from: lost.from - 20, to: (receive?.t ?? 0) - 2 * TICKS_PER_MS };
        const after = await findBefore(clientOf(scenario, old), line, signal);
        expect(["request", "latest"]).toContain(after.type);
        expect(receiveOf(after)?.seq).toBe(receive?.seq);
      }),
      { numRuns: 25 },
    );
  });

  it("ends in words at a message without our timestamp", async () => {
    const line = {
      ...{ node: "b", service: "b", epoch: 1, seq: 4, t: timeJson(900), kind: "receive" },
      ...{ from: null, peer: "10.0.0.9:5432" },
    } as unknown as EventLineJson;
    const before = await findBefore(
      clientOf({ events: [], nodes: [], unchecked: [] }),
      line,
      signal,
    );
    expect(before).toEqual({ type: "unstamped", peer: "10.0.0.9:5432" });
    expect(endWords(line, before)).toContain("carries no timestamp of ours");
  });

  it("goes from a send on to its receive, however small the pages", async () => {
    await fc.assert(
      fc.asyncProperty(
        whyCorpora(60, false),
        fc.integer({ min: 6, max: 60 }),
        async (corpus, rows) => {
          const client = clientOf(corpus.scenario, undefined, rows);
          const { events } = corpus.scenario;
          for (const send of events.filter(({ kind }) => kind === "send")) {
            const receive = events.find(
              (e) => e.send?.node === send.node && e.send.seq === send.seq,
            );
            const found = await findReceive(client, await lineOf(client, send), signal);
            expect(found).toMatchObject({ node: receive?.node, seq: receive?.seq, t: receive?.t });
          }
        },
      ),
      { numRuns: 15 },
    );
  });
});
