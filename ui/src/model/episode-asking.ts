/** When `/api/bottlenecks` is asked, and when the collector is listened to: the effects that fill the book. */
import { effect } from "@preact/signals";
import type { App } from "../app.ts";
import { type AskedEpisodes, episodesQuestion, servesEpisodes } from "./episode-window.ts";
import { readEpisode } from "./episodes.ts";

export function keepAskingEpisodes(app: App): void {
  effect(() => {
    if (app.choices.live.value) app.feed.open();
    else app.feed.close();
  });
  effect(episodesAsker(app));
  effect(() => {
    const answered = app.answers.episodes.answered.value;
    if (answered === null) return;
    app.episodes.replace(answered.question, answered.answer.episodes.map(readEpisode));
  });
}

function episodesAsker({ choices, watch, answers, feed }: App): () => void {
  let asked: (AskedEpisodes & { readonly hearing: number }) | null = null;
  return () => {
    const view = choices.viewport.value;
    const knownTo = watch.facts.value?.extent?.last;
    // Counts the times that listening began; 0 while nobody listens.
    const hearing = feed.hearing.value;
    if (view === null || knownTo === undefined) return;
    const isFollowed = asked !== null && hearing !== 0 && asked.hearing === hearing;
    if (asked !== null && servesEpisodes({ ...asked, isFollowed }, view, knownTo)) return;
    const question = episodesQuestion(view);
    if (question === null) {
      asked = null;
      return;
    }
    asked = { question, knownTo, isFollowed, hearing };
    answers.episodes.ask(question);
  };
}
