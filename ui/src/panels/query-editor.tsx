/**
 * Where the query is typed. The editor comes when the panel is opened first; until then, and where it
 * cannot be loaded, there is a plain field, in which everything but colours and completion works.
 */
import { effect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { App } from "../app.ts";
import type { Language, RqlEditor } from "../query/language.ts";

const LABEL = "Query, in RQL";

export function QueryEditor({ app }: { readonly app: App }): JSX.Element {
  const { query } = app;
  const language = query.language.value;
  if (language !== null) return <RichEditor app={app} language={language} />;
  if (!query.isLanguageMissing.value) {
    return (
      <p class="editor-loading" role="status">
        Loading the editor…
      </p>
    );
  }
  return (
    <div class="plain-editor">
      <textarea
        aria-label={LABEL}
        rows={4}
        spellcheck={false}
        value={query.draft.value}
        onInput={(event) => query.type(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) query.submit();
          else if (event.key !== "Escape" || !query.cancel()) return;
          event.preventDefault();
        }}
      />
      <p class="hint">
        The editor could not be loaded: no colours and no completion.{" "}
        <button type="button" class="link" onClick={() => query.open()}>
          Load it again
        </button>
      </p>
    </div>
  );
}

interface RichProps {
  readonly app: App;
  readonly language: Language;
}

function RichEditor({ app, language }: RichProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const { query } = app;
  useEffect(() => {
    if (place.current === null) return undefined;
    const editor = language.openEditor(place.current, {
      text: query.draft.peek(),
      label: LABEL,
      names: () => query.names,
      onChange: (text) => query.type(text),
      onRun: () => query.submit(),
      onEscape: () => query.cancel(),
    });
    openEditors.set(app, editor);
    const stops = [
      effect(() => editor.setText(query.draft.value)),
      effect(() => editor.setProblems(query.problems.value)),
      () => openEditors.delete(app),
      () => editor.close(),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }, [app, language, query]);
  return <div class="rich-editor" ref={place} />;
}

/** The editor on screen, for buttons beside it that put something in. */
const openEditors = new WeakMap<App, RqlEditor>();

export function openEditorOf(app: App): RqlEditor | undefined {
  return openEditors.get(app);
}
