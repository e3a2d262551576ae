/**
 * The bell: alerts of all monitors, newest first. A click goes to where a row began, and shows the tab
 * State there. Opening the list marks all as seen.
 */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Alert } from "../../../collector/api/query-shapes.ts";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import { alertWord, monitorTitle } from "../query/alerts.ts";
import { clockText, dateText, plural } from "../scale/time-words.ts";

/** Counted further than this a number says no more. */
const MOST_SHOWN = 99;

export function AlertBell({ app }: { readonly app: App }): JSX.Element {
  const { monitors } = app;
  const isOpen = useSignal(false);
  const button = useRef<HTMLButtonElement>(null);
  const { unread } = monitors.alerts.value;
  const label = unread.size === 0 ? "Alerts" : `Alerts: ${unread.size} new`;
  const close = () => {
    isOpen.value = false;
    monitors.readAlerts();
  };
  return (
    <div
      class="bell"
      role="group"
      aria-label="Alerts of monitors"
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !isOpen.value) return;
        event.preventDefault();
        close();
        button.current?.focus();
      }}
      onFocusOut={(event) => {
        const to = event.relatedTarget;
        if (isOpen.value && to instanceof Node && !event.currentTarget.contains(to)) close();
      }}
    >
      <button
        ref={button}
        type="button"
        class="tool"
        aria-label={label}
        aria-expanded={isOpen.value}
        title="Alerts of monitors"
        onClick={() => {
          if (isOpen.value) close();
          else isOpen.value = true;
        }}
      >
        <svg viewBox="0 0 16 16" width="15" height="15" aria-hidden="true">
          <path d="M8 2a4 4 0 0 0-4 4v3l-1.5 2.5h11L12 9V6a4 4 0 0 0-4-4zM6.5 13a1.5 1.5 0 0 0 3 0" />
        </svg>
        {unread.size > 0 && (
          <span class="unread" aria-hidden="true">
            {unread.size > MOST_SHOWN ? `${MOST_SHOWN}+` : unread.size}
          </span>
        )}
      </button>
      {isOpen.value && <AlertsShown app={app} close={close} />}
    </div>
  );
}

function AlertsShown({
  app,
  close,
}: {
  readonly app: App;
  readonly close: () => void;
}): JSX.Element {
  const { alerts, unread } = app.monitors.alerts.value;
  const titles = new Map(
    app.monitors.list.answered.value?.answer.map((one) => [one.id, monitorTitle(one)]),
  );
  return (
    <section class="alerts" aria-label="Alerts">
      <h2>
        Alerts{" "}
        <span class="muted">
          {app.liveEvents.isConnected.value ? "as they come" : "not connected, trying again"}
        </span>
      </h2>
      {alerts.length === 0 ? (
        <p class="hint">
          None. Save a query as a monitor, and what it finds from then on is told here.
        </p>
      ) : (
        <ul>
          {alerts.map((alert) => (
            <AlertLine
              key={alert.id}
              app={app}
              alert={alert}
              title={titles.get(alert.monitor) ?? alert.monitor}
              isNew={unread.has(alert.id)}
              close={close}
            />
          ))}
        </ul>
      )}
      {alerts.length > 0 && <p class="hint">{plural(alerts.length, "alert")} kept here.</p>}
    </section>
  );
}

interface LineProps {
  readonly app: App;
  readonly alert: Alert;
  readonly title: string;
  readonly isNew: boolean;
  readonly close: () => void;
}

function AlertLine({ app, alert, title, isNew, close }: LineProps): JSX.Element {
  const { row } = alert;
  const at = row === null ? null : ticksOf("at" in row ? row.at : row.from);
  return (
    <li data-new={isNew}>
      <button
        type="button"
        class="alert-line"
        aria-disabled={at === null}
        onClick={() => {
          if (at === null) return;
          app.verbs.moveCut(at, true);
          app.verbs.openTab("state");
          close();
        }}
      >
        <b>{title}</b> {alertWord(alert)}
        {at !== null && (
          <span>
            {" "}
            {dateText(at)} {clockText(at)}
          </span>
        )}
        {row !== null && !row.complete && <span class="sign warn">incomplete</span>}
        {isNew && <span class="sr-only"> (new)</span>}
      </button>
    </li>
  );
}
