/** Save as monitor: what will be watched, what had to go from the text, and a name. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { App } from "../app.ts";
import { FailureNotice } from "../view/notices.tsx";

/** As the collector takes it. */
const MAX_NAME_CHARS = 200;

interface FormProps {
  readonly app: App;
  readonly close: () => void;
}

export function MonitorForm({ app, close }: FormProps): JSX.Element {
  const { query, monitors } = app;
  const name = useRef<HTMLInputElement>(null);
  useEffect(() => name.current?.focus(), []);
  const text = query.draft.value;
  const draft = query.language.value?.asMonitor(text) ?? null;
  const failure = monitors.failure.value;
  const made = monitors.made.value;
  if (made !== null) {
    return (
      <div class="monitor-form" role="status">
        <p>
          <b>Watching.</b> It looks at{" "}
          {made.nodes.length === 0 ? "no node yet" : made.nodes.join(", ")}, from now on; what it
          finds is told by the bell.
        </p>
        {made.warnings.map(({ code, message, hint }) => (
          <p key={`${code} ${message}`} class="problem warning">
            <b>Warning:</b> {message} {hint ?? ""}
          </p>
        ))}
        <button type="button" class="tool" onClick={close}>
          Close
        </button>
      </div>
    );
  }
  return (
    <form
      class="monitor-form"
      aria-label="Save as monitor"
      onSubmit={(event) => {
        event.preventDefault();
        if (draft !== null) void monitors.save(draft.text, name.current?.value ?? "");
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        close();
      }}
    >
      {draft === null ? (
        <p>
          {text.trim() === ""
            ? "Type a query first: a monitor is a query that goes on as history becomes known."
            : "A monitor is one query that can be read. Mend the text, or keep one query of it."}
        </p>
      ) : (
        <>
          <p>
            This goes on as history becomes known:
            {draft.removed.length > 0 && (
              <span class="muted"> without {draft.removed.join(", ")}, which no monitor has</span>
            )}
          </p>
          <pre class="monitor-text">{draft.text}</pre>
          <label>
            Name <input ref={name} name="name" maxLength={MAX_NAME_CHARS} autocomplete="off" />
          </label>
        </>
      )}
      {failure !== null && (
        <FailureNotice
          failure={failure}
          what="The monitor was not made."
          retry={() => {
            if (draft !== null) void monitors.save(draft.text, name.current?.value ?? "");
          }}
        />
      )}
      <div class="form-buttons">
        <button
          type="submit"
          class="primary"
          aria-disabled={draft === null || monitors.writing.value !== null}
        >
          {monitors.writing.value === "new" ? "Saving…" : "Save"}
        </button>
        <button type="button" class="tool" onClick={close}>
          Close
        </button>
      </div>
    </form>
  );
}
