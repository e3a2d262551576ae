/** Bookmarks on the ruler come with the first one: most pages have none. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { App } from "../app.ts";

const loaded = signal<typeof import("./bookmark-flags.tsx") | null>(null);

export function BookmarksOnDemand({ app }: { readonly app: App }): JSX.Element | null {
  const { bookmark, bookmarks } = app.choices;
  const isAny = bookmark.value !== null || bookmarks.value.length > 0;
  useEffect(() => {
    if (!isAny || loaded.peek() !== null) return;
    import("./bookmark-flags.tsx").then(
      (found) => {
        loaded.value = found;
      },
      () => app.verbs.say("The bookmarks could not be loaded; their keys work."),
    );
  }, [app, isAny]);
  const Flags = loaded.value?.BookmarkFlags;
  return isAny && Flags !== undefined ? <Flags app={app} /> : null;
}
