/** Episodes in the page: what is kept of them, where their marks stand, when they are asked for. */
import { signal } from "@preact/signals";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatHlc, type Hlc, TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { BottlenecksJson } from "../../collector/api/bottleneck-shapes.ts";
import { ApiFailure } from "../../ui/src/api/client.ts";
import type { LiveEvent } from "../../ui/src/api/live-events.ts";
import type { Answered } from "../../ui/src/api/request-slot.ts";
import { keepAskingEpisodes } from "../../ui/src/model/episode-asking.ts";
import { EpisodeBook, episodesIn } from "../../ui/src/model/episode-book.ts";
import { LEAST_STRETCH_PX, markEpisodes, SIGN_PX } from "../../ui/src/model/episode-marks.ts";
import {
  AROUND_TICKS,
  type AskedEpisodes,
  type EpisodesQuestion,
  episodesQuestion,
  MAX_SEARCH_TICKS,
  servesEpisodes,
} from "../../ui/src/model/episode-window.ts";
import {
  causeLabel,
  type EpisodeFacts,
  episodeSentence,
  readEpisode,
} from "../../ui/src/model/episodes.ts";
import { layOutLanes } from "../../ui/src/model/lane-layout.ts";
import { type NodesFacts, readNodes } from "../../ui/src/model/nodes.ts";
import { TimeScale, type Viewport } from "../../ui/src/scale/time-scale.ts";
import { episodeAt } from "../support/episode-json.ts";
import { nodesOf } from "../support/naive-history.ts";
import { makeScenario, SCENARIO_START } from "../support/ui-scenario.ts";

type AnsweredEpisodes = Answered<EpisodesQuestion, BottlenecksJson> | null;
const EMPTY = {
  from: { hlc: "", time: "" },
  to: { hlc: "", time: "" },
  complete: true,
  incomplete: [],
} as const;

const read = readNodes(nodesOf(makeScenario()));
const { nodes } = read;
const layout = layOutLanes(nodes);
const at = (ms: number): Hlc => (SCENARIO_START + ms * TICKS_PER_MS) as Hlc;
const WIDTH = 1_000;
/** A pixel is a millisecond. */
const scale = new TimeScale({ from: at(0), to: at(WIDTH) }, WIDTH);

const episode = (ms: number, more: Parameters<typeof episodeAt>[1] = {}): EpisodeFacts =>
  readEpisode(episodeAt(at(ms), more));

describe("an episode", () => {
  it("lies where the stamps of its node are, not where its raw clock was", () => {
    const facts = readEpisode(episodeAt(at(500), { leadMs: 300, ms: 110 }));
    expect([facts.from, facts.to]).toEqual([at(500), at(610)]);
    expect(facts.json.onset.hlc).toBe(formatHlc(at(200)));
  });

  it("reaches, while it is open, as far as it is known", () => {
    const facts = episode(500, { ms: 80, isOpen: true });
    expect(facts).toMatchObject({ isOpen: true, to: at(580) });
  });

  it("is told with cause, milliseconds and what is not explained", () => {
    const facts = episode(123, {
      ms: 110,
      causes: [
        ["gc", 92],
        ["run", 13.6],
      ],
    });
    expect(causeLabel(facts)).toBe("gc 92 ms");
    expect(episodeSentence(facts)).toBe(
      "Bottleneck on store-2 at 16:00:00.123: gc 92 ms, run 14 ms, unexplained 4.4 ms of 110 ms",
    );
    const edge = episode(123, { edge: { from: "gateway-1", to: "store-2" }, isOpen: true });
    expect(episodeSentence(edge)).toContain("on the way from gateway-1 to store-2 at");
    expect(episodeSentence(edge)).toMatch(/still open$/);
    expect(causeLabel(episode(0, { ms: 70, causes: [] }))).toBe("? 70 ms");
    expect(causeLabel(episode(0, { ms: 70, class: "burst" }))).toBe("burst 70 ms");
  });
});

describe("the book of episodes", () => {
  it("holds what it was told last, by onset, and forgets what an answer no longer holds", () => {
    const book = new EpisodeBook();
    const ids = () => book.list.value.map(({ id, json }) => `${id}/${json.revision}`);
    const [a, b, c] = [100, 200, 300].map((ms) => episode(ms, { id: `${ms}` }));
    if (a === undefined || b === undefined || c === undefined) throw new Error("three");
    book.tell(c);
    book.tell(a);
    expect(ids()).toEqual(["100/1", "300/1"]);
    book.tell(episode(300, { id: "300", revision: 3 }));
    book.tell(episode(300, { id: "300", revision: 2 }));
    expect(ids(), "an older telling changes nothing").toEqual(["100/1", "300/3"]);
    book.replace({ from: at(0), to: at(250) }, [b]);
    expect(ids(), "beyond the answer nothing is forgotten").toEqual(["200/1", "300/3"]);
    expect(episodesIn(book.list.value, { from: at(400), to: at(900) })).toHaveLength(1);
    expect(episodesIn(book.list.value, { from: at(500), to: at(900) })).toHaveLength(0);
  });

  it("keeps those that are nearest to what is looked at", () => {
    const book = new EpisodeBook(2);
    const all = [0, 400, 500, 990].map((ms) => episode(ms, { id: `${ms}` }));
    book.replace({ from: at(0), to: at(1_000) }, all);
    expect(book.list.value.map(({ id }) => id)).toEqual(["400", "500"]);
  });
});

describe("the marks of episodes", () => {
  it("stand on the lane of the charged node, over the stretch", () => {
    const [mark, ...more] = markEpisodes([episode(200, { ms: 150 })], layout, scale);
    expect(more).toEqual([]);
    expect(mark?.row).toBe(layout.laneOf("store-2"));
    expect(mark).toMatchObject({ x: 200, width: 150, chipX: 200, hasLabel: true });
  });

  it("share a sign where theirs would cover each other, and give way with their labels", () => {
    const marks = markEpisodes([episode(200), episode(210), episode(260)], layout, scale);
    expect(marks.map(({ episodes }) => episodes.length)).toEqual([2, 1]);
    expect(marks.map(({ hasLabel }) => hasLabel)).toEqual([false, true]);
    const folded = layOutLanes(nodes, { foldedServices: ["store"] });
    const others = [episode(200), episode(205, { node: "store-1" })];
    expect(markEpisodes(others, folded, scale)).toHaveLength(1);
    expect(markEpisodes(others, layout, scale)).toHaveLength(2);
  });

  it("are none for a node without a lane", () => {
    expect(markEpisodes([episode(200, { node: "nobody" })], layout, scale)).toEqual([]);
  });

  it("never cover each other, never leave the plot, and leave no episode in view out", () => {
    const drawn = fc.record({
      ms: fc.integer({ min: -400, max: 1_400 }),
      lasts: fc.integer({ min: 0, max: 600 }),
      node: fc.constantFrom("store-1", "store-2", "store-3", "gateway-1"),
    });
    fc.assert(
      fc.property(fc.array(drawn, { maxLength: 30 }), (drafts) => {
        const all = drafts
          .map(({ ms, lasts, node }, i) => episode(ms, { id: `${i}`, ms: lasts, node }))
          .sort((a, b) => a.from - b.from);
        const marks = markEpisodes(all, layout, scale);
        const shown = marks.flatMap(({ episodes }) => episodes.map(({ id }) => id)).sort();
        const inView = episodesIn(all, scale.viewport);
        expect(shown).toEqual(inView.map(({ id }) => id).sort());
        for (const [i, mark] of marks.entries()) {
          expect(mark.x).toBeGreaterThanOrEqual(0);
          expect(mark.width).toBeGreaterThanOrEqual(LEAST_STRETCH_PX);
          expect(mark.x + mark.width).toBeLessThanOrEqual(WIDTH);
          expect(mark.chipRoom).toBeGreaterThanOrEqual(SIGN_PX);
          expect(mark.chipX + mark.chipRoom).toBeLessThanOrEqual(WIDTH);
          const next = marks[i + 1];
          if (next?.row !== mark.row) continue;
          expect(mark.chipX + mark.chipRoom).toBeLessThanOrEqual(next.chipX);
        }
      }),
    );
  });
});

describe("the question about episodes", () => {
  const view = (fromMs: number, toMs: number) => ({ from: at(fromMs), to: at(toMs) });

  it("holds the view with room to move, and is never longer than the collector searches", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4_000_000 }), (ms) => {
        const asked = episodesQuestion(view(0, ms));
        if (asked === null) {
          expect(ms * TICKS_PER_MS + 2 * AROUND_TICKS).toBeGreaterThan(MAX_SEARCH_TICKS);
          return;
        }
        expect(asked.from).toBeLessThanOrEqual(at(0));
        expect(asked.to).toBeGreaterThanOrEqual(at(ms));
        expect(asked.to - asked.from + 2 * AROUND_TICKS).toBeLessThanOrEqual(MAX_SEARCH_TICKS);
      }),
    );
  });

  const question = { from: at(0), to: at(20_000) };
  const followed: AskedEpisodes = { question, knownTo: at(15_000), isFollowed: true };
  const alone: AskedEpisodes = { ...followed, isFollowed: false };
  it.each<[string, AskedEpisodes, [number, number], number, boolean]>([
    ["serves a view inside", alone, [5_000, 15_000], 15_000, true],
    ["not one that reaches further back", followed, [-1, 15_000], 15_000, false],
    ["nor further on", alone, [5_000, 20_001], 15_000, false],
    ["is asked again when more is known", alone, [5_000, 15_000], 20_000, false],
    ["but not at every word", alone, [5_000, 15_000], 19_999, true],
    [
      "is not asked again while the rest is told by itself",
      followed,
      [90_000, 99_000],
      99_000,
      true,
    ],
    [
      "not even that helps where more was known than was asked for",
      { ...followed, knownTo: at(30_000) },
      [25_000, 29_000],
      30_000,
      false,
    ],
    [
      "is settled where all was known long ago",
      { ...alone, knownTo: at(24_001) },
      [5_000, 15_000],
      99_000,
      true,
    ],
  ])("%s", (_why, asked, [from, to], knownMs, serves) => {
    expect(servesEpisodes(asked, view(from, to), at(knownMs))).toBe(serves);
  });
});

describe("asking about episodes", () => {
  /** A page whose questions, connection and knowledge are moved by hand. */
  function page() {
    const asked: unknown[] = [];
    const failure = signal<ApiFailure | null>(null);
    const isConnected = signal(false);
    const viewport = signal<Viewport | null>({ from: at(0), to: at(10_000) });
    const facts = signal<NodesFacts | null>(null);
    const episodes = new EpisodeBook();
    let hear: (event: LiveEvent) => void = () => {};
    const answered = signal<AnsweredEpisodes>(null);
    keepAskingEpisodes({
      choices: { viewport },
      watch: { facts },
      answers: { episodes: { answered, failure, ask: (question) => asked.push(question) } },
      liveEvents: {
        isConnected,
        start: () => {},
        onEvent: (run) => {
          hear = run;
          return () => true;
        },
      },
      episodes,
    });
    const known = (ms: number) => {
      facts.value = { ...read, extent: { first: at(0), last: at(ms) } };
    };
    return { asked, failure, isConnected, viewport, episodes, known, answered, hear: () => hear };
  }

  it("begins with what is in view, and goes on with what is told", () => {
    const { asked, isConnected, viewport, known } = page();
    expect(asked).toEqual([]);
    known(9_000);
    expect(asked).toHaveLength(1);
    isConnected.value = true;
    known(13_999);
    expect(asked, "it is too early to ask for what came before the connection").toHaveLength(1);
    known(14_000);
    expect(asked).toHaveLength(2);
    for (let ms = 15_000; ms < 60_000; ms += 1_000) {
      viewport.value = { from: at(ms - 9_000), to: at(ms + 1_000) };
      known(ms);
    }
    expect(asked, "the rest is told").toHaveLength(2);
    isConnected.value = false;
    expect(asked, "a view that nobody told of").toHaveLength(3);
    isConnected.value = true;
    known(64_000);
    expect(asked, "and what came until the connection was made again").toHaveLength(4);
  });

  it("asks again where the answer failed, although the rest is told", () => {
    const { asked, isConnected, failure, known } = page();
    isConnected.value = true;
    known(9_000);
    failure.value = new ApiFailure("overloaded", 503, "");
    known(13_999);
    expect(asked).toHaveLength(1);
    known(14_000);
    expect(asked).toHaveLength(2);
    failure.value = null;
    known(30_000);
    expect(asked).toHaveLength(2);
  });

  it("asks again where nobody looked out, until an answer says that somebody does", () => {
    const { asked, answered, isConnected, known } = page();
    const question = { from: at(-2_000), to: at(WIDTH + 2_000) };
    isConnected.value = true;
    known(9_000);
    expect(asked).toHaveLength(1);
    answered.value = { question, answer: { ...EMPTY, unwatched: true, episodes: [] } };
    known(13_999);
    expect(asked).toHaveLength(1);
    known(14_000);
    expect(asked).toHaveLength(2);
    answered.value = { question, answer: { ...EMPTY, episodes: [] } };
    known(30_000);
    expect(asked, "the rest is told").toHaveLength(2);
  });

  it("keeps what is told of, and lets an answer about the same stretch replace it", () => {
    const { episodes, answered, hear } = page();
    const ids = () => episodes.list.value.map(({ id }) => id);
    hear()({ name: "bottleneck", data: episodeAt(at(500), { id: "told" }) });
    hear()({ name: "alert", data: {} });
    expect(ids()).toEqual(["told"]);
    const found = { ...EMPTY, episodes: [episodeAt(at(600), { id: "found" })] };
    answered.value = { question: { from: at(0), to: at(9_000) }, answer: found };
    expect(ids()).toEqual(["found"]);
  });
});
