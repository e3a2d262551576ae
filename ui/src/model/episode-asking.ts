/** When `/api/bottlenecks` is asked, and what the collector tells by itself: the effects that fill the book. */
import { effect } from "@preact/signals";
import type { EpisodeJson } from "../../../collector/api/bottleneck-shapes.ts";
import type { LiveEvents } from "../api/live-events.ts";
import type { Answers } from "./answers.ts";
import type { Choices } from "./choices.ts";
import type { CollectorWatch } from "./collector-watch.ts";
import type { EpisodeBook } from "./episode-book.ts";
import { type AskedEpisodes, episodesQuestion, servesEpisodes } from "./episode-window.ts";
import { readEpisode } from "./episodes.ts";

/** What of the page has a part in it. */
export interface EpisodeAskingParts {
  readonly choices: Pick<Choices, "viewport">;
  readonly watch: Pick<CollectorWatch, "facts">;
  readonly answers: {
    readonly episodes: Pick<Answers["episodes"], "ask" | "answered" | "failure">;
  };
  readonly liveEvents: Pick<LiveEvents, "isConnected" | "onEvent" | "start">;
  readonly episodes: EpisodeBook;
}

export function keepAskingEpisodes(app: EpisodeAskingParts): void {
  app.liveEvents.onEvent(({ name, data }) => {
    if (name === "bottleneck") app.episodes.tell(readEpisode(data as EpisodeJson));
  });
  effect(() => {
    // Listening begins as soon as somebody answers; a second call does nothing.
    if (app.watch.facts.value !== null) app.liveEvents.start();
  });
  effect(episodesAsker(app));
  effect(() => {
    const answered = app.answers.episodes.answered.value;
    if (answered === null) return;
    app.episodes.replace(answered.question, answered.answer.episodes.map(readEpisode));
  });
}

function episodesAsker({ choices, watch, answers, liveEvents }: EpisodeAskingParts): () => void {
  let asked: (AskedEpisodes & { readonly connection: number }) | null = null;
  /** Counts connections: what came while there was none is asked for. */
  let connection = 0;
  let wasConnected = false;
  return () => {
    const view = choices.viewport.value;
    const knownTo = watch.facts.value?.extent?.last;
    const isConnected = liveEvents.isConnected.value;
    if (isConnected && !wasConnected) connection += 1;
    wasConnected = isConnected;
    if (view === null || knownTo === undefined) return;
    // What was told since does not stand for an answer that never came.
    const isAnswered = answers.episodes.failure.value === null;
    // An agent that begins to look out is told of by nobody: only an answer says so.
    const isWatched = answers.episodes.answered.value?.answer.unwatched !== true;
    const isFollowed =
      asked !== null && isConnected && isAnswered && isWatched && asked.connection === connection;
    if (asked !== null && servesEpisodes({ ...asked, isFollowed }, view, knownTo)) return;
    const question = episodesQuestion(view);
    if (question === null) {
      asked = null;
      return;
    }
    asked = { question, knownTo, isFollowed: false, connection };
    answers.episodes.ask(question);
  };
}
