/** Standing queries: what each watches, how far it is, what is open now, and what it told last. */
import type { JSX } from "preact";
import type { MonitorJson } from "../../../collector/api/query-shapes.ts";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import { monitorTitle } from "../query/alerts.ts";
import { clockText, plural } from "../scale/time-words.ts";
import { FailureNotice } from "../view/notices.tsx";

export function MonitorList({ app }: { readonly app: App }): JSX.Element {
  const { list } = app.monitors;
  const monitors = list.answered.value?.answer;
  const failure = list.failure.value;
  return (
    <section class="monitors" aria-label="Monitors">
      <h2>Monitors</h2>
      {failure !== null && !failure.isLost && (
        <FailureNotice
          failure={failure}
          what="The monitors could not be read."
          retry={() => list.retry()}
        />
      )}
      {monitors === undefined && failure === null && <p class="hint">Asking…</p>}
      {monitors?.length === 0 && (
        <p class="hint">
          None. A query that is saved as a monitor goes on as history becomes known.
        </p>
      )}
      <ul>
        {monitors?.map((monitor) => (
          <Item key={monitor.id} app={app} monitor={monitor} />
        ))}
      </ul>
    </section>
  );
}

function Item({ app, monitor }: { readonly app: App; readonly monitor: MonitorJson }): JSX.Element {
  const { id, rql, evaluatedTo, open, alerts, trouble } = monitor;
  const title = monitorTitle(monitor);
  const isGoing = app.monitors.writing.value === id;
  return (
    <li class="monitor" aria-busy={isGoing}>
      <div class="monitor-head">
        <b>{title}</b>
        {open.length > 0 && <span class="sign warn">{plural(open.length, "row")} open now</span>}
        <span class="spacer" />
        <button
          type="button"
          class="tool"
          title="Put its text into the editor"
          onClick={() => app.query.type(rql)}
        >
          Edit
        </button>
        <button
          type="button"
          class="tool"
          aria-label={`Delete monitor ${title}`}
          onClick={() => void app.monitors.remove(id)}
        >
          {isGoing ? "Deleting…" : "Delete"}
        </button>
      </div>
      {monitor.name !== null && <code class="monitor-rql">{rql}</code>}
      <p class="hint">
        Looked at up to {clockText(ticksOf(evaluatedTo))}, {plural(alerts.length, "alert")} kept
        {trouble !== null && (
          <>
            . <span class="sign warn">in trouble</span> {trouble.message}
          </>
        )}
      </p>
    </li>
  );
}
