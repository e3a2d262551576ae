/** Keeps address and view equal: reads the link at the start and on Back, writes it after changes. */
import { batch, effect } from "@preact/signals";
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { App } from "../app.ts";
import { clampTicks } from "../scale/time-scale.ts";
import { type LinkedView, readFragment, writeFragment } from "./fragment.ts";

/** The address follows a motion only when it has come to rest. */
const SETTLE_MS = 250;

export function restoreLink(app: App): void {
  apply(app, app.host.readFragment());
  app.host.onFragment((text) => apply(app, text));
}

function apply({ choices, ignoredParts, watch, verbs }: App, text: string): void {
  const { view, ignored } = readFragment(text);
  batch(() => {
    ignoredParts.value = ignored;
    choices.live.value = view.live;
    if (view.viewport !== null) choices.viewport.value = view.viewport;
    else if (view.live && watch.facts.peek() === null) {
      // Only its width counts: the first answer puts it where now is.
      const from = (watch.facts.peek()?.now ?? 0) as Hlc;
      choices.viewport.value =
        view.spanTicks === null ? null : { from, to: clampTicks(from + view.spanTicks) };
      choices.isFirstSpan.value = view.spanTicks === null;
    }
    if (view.cut !== null) choices.cut.value = view.cut;
    choices.fixedCut.value = view.fixedCut;
    choices.bookmark.value = view.bookmark;
    choices.bookmarks.value = view.bookmarks;
    choices.tab.value = view.tab;
    choices.stateOrder.value = view.stateOrder;
    choices.selectedNode.value = view.selectedNode;
    choices.selectedEvent.value = view.selectedEvent;
    choices.foldedServices.value = view.foldedServices;
    choices.showAbsent.value = view.showAbsent;
    choices.variable.value = view.variable;
    choices.pins.value = view.pins;
    choices.bisect.value = view.bisect;
    choices.lanes.value = view.lanes;
    choices.foldSilences.value = view.foldSilences;
    choices.isLatencyShown.value = view.isLatencyShown;
    choices.latencySide.value = view.latencySide;
    choices.box.value = view.box;
    choices.query.value = view.query;
    choices.hit.value = view.hit;
    choices.theme.value = view.theme;
  });
  if (view.live) verbs.followLive();
}

/** A new cut makes an entry for the Back button; every other change rewrites the present one. */
export function keepLink({ choices, host, query }: App): void {
  let cancel = () => {};
  /** The cut of the entry that the address shows; null for a live one. */
  let entryCut = readFragment(host.readFragment()).view.cut;
  host.onFragment((text) => {
    entryCut = readFragment(text).view.cut;
  });
  effect(() => {
    // Of the query what means the same tomorrow.
    const view = { ...viewOf(choices), query: query.linkedQuery.value };
    cancel();
    cancel = host.after(SETTLE_MS, () => {
      const text = writeFragment(view);
      if (text === host.readFragment()) return;
      const isNewCut = entryCut !== null && view.cut !== null && view.cut !== entryCut;
      host.writeFragment(text, isNewCut);
      entryCut = view.cut;
    });
  });
}

/** The view as a link carries it. */
export function viewOf(choices: App["choices"]): LinkedView {
  const viewport = choices.viewport.value;
  const live = choices.live.value;
  return {
    // While live the times move by themselves and are no part of the link.
    viewport: live ? null : viewport,
    cut: live ? null : choices.cut.value,
    fixedCut: choices.fixedCut.value,
    bookmark: choices.bookmark.value,
    bookmarks: choices.bookmarks.value,
    live,
    tab: choices.tab.value,
    stateOrder: choices.stateOrder.value,
    selectedNode: choices.selectedNode.value,
    selectedEvent: choices.selectedEvent.value,
    foldedServices: choices.foldedServices.value,
    theme: choices.theme.value,
    showAbsent: choices.showAbsent.value,
    variable: choices.variable.value,
    pins: choices.pins.value,
    bisect: choices.bisect.value,
    lanes: choices.lanes.value,
    foldSilences: choices.foldSilences.value,
    isLatencyShown: choices.isLatencyShown.value,
    latencySide: choices.latencySide.value,
    box: choices.box.value,
    query: choices.query.value,
    hit: choices.hit.value,
    spanTicks: viewport === null || choices.isFirstSpan.value ? null : viewport.to - viewport.from,
  };
}
