/** Where the focus goes by keys: the omnibox, and the regions of the page in turn. */
import type { App } from "../app.ts";

/** Where F6 goes, in order. */
const REGIONS = [
  "#omnibox",
  "#lanes",
  "#latency",
  "#cut-slider",
  '[role="tab"][aria-selected="true"]',
];

/** Into the omnibox, which then holds `text`: what is typed next goes after it. */
export function focusOmnibox(app: App, text: string): void {
  const input = document.querySelector<HTMLInputElement>("#omnibox");
  if (input === null) return;
  app.omniboxText.value = text;
  input.value = text;
  input.focus();
  input.setSelectionRange(text.length, text.length);
}

export function cycleRegions(direction: 1 | -1): void {
  const regions = REGIONS.flatMap(
    (selector) => document.querySelector<HTMLElement>(selector) ?? [],
  );
  const at = regions.indexOf(document.activeElement as HTMLElement);
  const next = at === -1 ? 0 : (at + direction + regions.length) % regions.length;
  regions[next]?.focus();
}
