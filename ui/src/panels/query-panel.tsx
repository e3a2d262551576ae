/** Query: the text, what is wrong with it, its rows as they come, and standing queries. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { App } from "../app.ts";
import { FailureNotice } from "../view/notices.tsx";
import { MonitorForm } from "./monitor-form.tsx";
import { MonitorList } from "./monitor-list.tsx";
import { QueryEditor } from "./query-editor.tsx";
import { QueryProblems } from "./query-problems.tsx";
import { QueryResult } from "./query-result.tsx";

export function QueryPanel({ app }: { readonly app: App }): JSX.Element {
  const { query } = app;
  const isSaving = useSignal(false);
  useEffect(() => query.open(), [query]);
  const phase = query.run.phase.value;
  const isRunning = phase === "asking" || phase === "running";
  const failure = query.run.failure.value;
  // What is wrong with the text itself stands below the text.
  const isTold = failure?.place !== undefined && query.problems.value.length > 0;
  return (
    <div class="query">
      <QueryEditor app={app} />
      <div class="query-tools">
        {isRunning ? (
          <button type="button" class="primary" onClick={() => query.cancel()}>
            Cancel <kbd>Esc</kbd>
          </button>
        ) : (
          <button
            type="button"
            class="primary"
            aria-disabled={query.draft.value.trim() === ""}
            onClick={() => query.submit()}
          >
            Run <kbd>Ctrl+↵</kbd>
          </button>
        )}
        <label class="scope">
          <span class="sr-only">Where queries without ON TIME search</span>
          <select
            value={query.isViewOnly.value ? "view" : "all"}
            onChange={(event) => {
              query.isViewOnly.value = event.currentTarget.value === "view";
            }}
          >
            <option value="all">everything known</option>
            <option value="view">what is in view</option>
          </select>
        </label>
        <span class="spacer" />
        <button
          type="button"
          class="tool"
          aria-expanded={isSaving.value}
          onClick={() => {
            app.monitors.forgetMade();
            isSaving.value = !isSaving.value;
          }}
        >
          Save as monitor
        </button>
      </div>
      <QueryProblems app={app} />
      {isSaving.value && (
        <MonitorForm
          app={app}
          close={() => {
            isSaving.value = false;
          }}
        />
      )}
      {failure !== null && !isTold && (
        <FailureNotice
          failure={failure}
          what={phase === "lost" ? "The answer is not whole." : "The query did not run."}
          retry={() => query.submit()}
        />
      )}
      <QueryResult app={app} />
      <MonitorList app={app} />
    </div>
  );
}
