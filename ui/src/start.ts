/**
 * The rules that tie the parts together. A rule is an effect: it runs again whenever a signal that it
 * read has changed.
 */
import { effect } from "@preact/signals";
import type { App } from "./app.ts";
import { keepAskingEpisodes } from "./model/episode-asking.ts";
import { firstSpanTicks } from "./model/first-span.ts";
import { keepLink, restoreLink } from "./model/link.ts";
import { keepAsking } from "./model/questions.ts";
import { fitted } from "./scale/time-scale.ts";
import { plural } from "./scale/time-words.ts";

/** Restores the link, starts asking, and keeps address, panels and canvases up to date. */
export function startApp(app: App): void {
  restoreLink(app);
  keepAsking(app);
  keepAskingEpisodes(app);
  effect(() => chooseFirstView(app));
  effect(firstSpanChooser(app));
  effect(() => app.bisector.follow());
  effect(() => {
    if (app.watch.facts.value !== null) app.verbs.followLive();
  });
  effect(() => app.query.show(app.choices.query.value));
  effect(() => listenOnce(app));
  effect(() => {
    if (app.query.run.phase.value !== "ended") return;
    app.verbs.say(`Query done: ${plural(app.query.rows.peek().length, "row")}.`);
  });
  effect(trailKeeper(app));
  effect(() => repaintOnChange(app));
  keepLink(app);
  app.watch.askNow();
}

/** The first answer decides what an untouched page shows: live where anything lives, else all. */
function chooseFirstView({ watch, choices, verbs }: App): void {
  const facts = watch.facts.value;
  if (!facts?.extent) return;
  const hasLive = facts.nodes.some(({ status }) => status === "live" || status === "suspect");
  if (choices.live.peek() && !hasLive) {
    choices.live.value = false;
    choices.viewport.value = fitted(facts.extent.first, facts.extent.last);
    if (choices.cut.peek() === null) choices.cut.value = facts.extent.last;
    return;
  }
  if (choices.viewport.peek() === null) {
    const cut = choices.cut.peek();
    if (cut !== null) choices.viewport.value = fitted(facts.extent.first, facts.extent.last);
    else verbs.followLive();
  }
  if (choices.cut.peek() === null) choices.cut.value = facts.watermark ?? facts.extent.last;
}

/**
 * The first timeline answer says how busy the system is, and so how much of it to show. Asked once:
 * a view that changes its width by itself later would be a nuisance.
 */
function firstSpanChooser({ choices, answers, plotWidth, verbs }: App): () => void {
  let hasChosen = false;
  return () => {
    const answered = answers.timeline.answered.value;
    const view = choices.viewport.peek();
    if (answered === null || view === null || hasChosen) return;
    if (answered.answer.missing.length > 0) return; // more tiles are on their way
    hasChosen = true;
    if (!choices.live.peek() || !choices.isFirstSpan.peek()) return;
    verbs.showSpan(firstSpanTicks(answered.answer, view, plotWidth.peek()));
  };
}

/** Alerts are listened to as soon as somebody answers, and those of before are asked for. */
function listenOnce({ watch, liveEvents, monitors }: App): void {
  if (watch.facts.value === null || monitors.list.answered.peek() !== null) return;
  if (monitors.list.pending.peek()) return;
  liveEvents.start();
  monitors.ask();
}

/** A view that has not moved for so long rests: the zoom trail can come back to it. */
const TRAIL_REST_MS = 500;

function trailKeeper({ host, choices, verbs }: App): () => void {
  let cancel = (): void => {};
  return () => {
    const view = choices.viewport.value;
    void choices.live.value;
    cancel();
    if (view !== null) cancel = host.after(TRAIL_REST_MS, () => verbs.noteRest());
  };
}

function repaintOnChange(app: App): void {
  const { choices, answers } = app;
  // Read, so that this runs again when any of them changes.
  void [app.scale.value, app.layout.value, app.timeline.value, choices.selectedNode.value];
  void [choices.bookmark.value, choices.bookmarks.value];
  void [choices.cut.value, choices.fixedCut.value, app.shownCut.value, app.hover.value];
  void [app.query.rows.value, choices.hit.value];
  void [app.tracks.value, answers.trackStart.answered.value];
  void [choices.selectedEvent.value, app.litMessage.value, answers.overview.answered.value];
  void [choices.bisect.value, choices.measured.value];
  app.frames.markAll();
}
