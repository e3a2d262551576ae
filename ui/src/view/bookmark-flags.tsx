/** Bookmarks on the ruler: press one to go there, Delete takes it away. */
import "../styles/bookmarks.css";
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { App } from "../app.ts";
import { type Bookmark, bookmarksOf } from "../model/bookmarks.ts";
import { clockText } from "../scale/time-words.ts";

export function BookmarkFlags({ app }: { readonly app: App }): JSX.Element | null {
  const scale = app.scale.value;
  const shown = bookmarksOf(app.choices).filter(({ t }) => scale?.isVisible(t));
  if (shown.length === 0) return null;
  return (
    <ul class="bookmarks" aria-label="Bookmarks in view">
      {shown.map((one) => (
        <BookmarkFlag key={one.t} app={app} one={one} x={scale?.x(one.t) ?? 0} />
      ))}
    </ul>
  );
}

interface FlagProps {
  readonly app: App;
  readonly one: Bookmark;
  readonly x: number;
}

function BookmarkFlag({ app, one: { t, isKept }, x }: FlagProps): JSX.Element {
  const item = useRef<HTMLLIElement>(null);
  useLayoutEffect(() => {
    item.current?.style.setProperty("transform", `translateX(${x}px)`);
  });
  const label = `Bookmark at ${clockText(t)}${isKept ? "" : ", not kept"}`;
  return (
    <li ref={item} data-kept={isKept}>
      <button
        type="button"
        aria-label={label}
        title={`${label}. Delete takes it away${isKept ? "" : ", Shift+M keeps it"}.`}
        onClick={() => app.verbs.moveCut(t, true)}
        onKeyDown={(event) => {
          if (event.key !== "Delete" && event.key !== "Backspace") return;
          event.preventDefault();
          app.bookmarks.remove(t);
        }}
      >
        <svg viewBox="0 0 10 14" width="10" height="14" aria-hidden="true">
          <path d="M1.5 1h7v11.5L5 9.5l-3.5 3z" />
        </svg>
      </button>
    </li>
  );
}
