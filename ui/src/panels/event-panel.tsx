/**
 * Events: the selected one in full, and below it the table of what is in view (or of the column that
 * was clicked): the twin of the canvas for everybody who cannot use it.
 */
import type { JSX } from "preact";
import type { Json } from "../../../agent/kernel/index.ts";
import type { EventLineJson } from "../../../collector/api/shapes.ts";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import { EVENTS_PAGE } from "../model/answers.ts";
import { isChangeLine } from "../model/change-lines.ts";
import { describeEvent, receiverOf } from "../model/event-words.ts";
import { sideText, valueText } from "../model/value-text.ts";
import { clockText, countText, exactClockText } from "../scale/time-words.ts";
import { FailureNotice } from "../view/notices.tsx";
import { BeforeEvent, Crumbs } from "./before-event.tsx";

export function EventPanel({ app }: { readonly app: App }): JSX.Element {
  return (
    <div class="events">
      <Crumbs app={app} />
      <SelectedEvent app={app} />
      <EventTable app={app} />
    </div>
  );
}

function SelectedEvent({ app }: { readonly app: App }): JSX.Element | null {
  const selected = app.choices.selectedEvent.value;
  const { event } = app.answers;
  if (selected === null) return null;
  const detail = event.answered.value?.answer;
  const failure = event.failure.value;
  if (failure !== null && !failure.isLost) {
    return (
      <FailureNotice
        failure={failure}
        what="The event could not be read."
        retry={() => event.retry()}
      />
    );
  }
  if (detail === undefined) return <p class="hint">Asking for the event…</p>;
  if (detail.line === null)
    return <p class="hint">This event is not known here; it may be past retention.</p>;
  const { line } = detail;
  const t = ticksOf(line.t);
  const receiver = receiverOf(line, app.timeline.value);
  return (
    <section class="event-detail" aria-label="Selected event">
      <div class="panel-title">
        <h2>
          {line.kind} on {line.node}
        </h2>
        <div class="buttons" role="group" aria-label="Selected event">
          <button type="button" class="tool" onClick={() => app.verbs.moveCut(t, true)}>
            Cut here
          </button>
          <button
            type="button"
            class="tool"
            aria-label="Close the event"
            onClick={() => app.verbs.selectEvent(null)}
          >
            ✕
          </button>
        </div>
      </div>
      <dl class="fields">
        <Field name="time">{exactClockText(t)}</Field>
        <Field name="hlc">{line.t.hlc}</Field>
        <Field name="epoch, seq">
          {line.epoch}, {line.seq}
        </Field>
        {receiver !== undefined && <Field name="received by">{receiver}</Field>}
        {isChangeLine(line) && detail.before !== null && (
          <Field name="before">{sideText(detail.before.value, detail.before.unknown)}</Field>
        )}
        {Object.entries(line)
          .filter(([field, value]) => value !== null && !SHOWN_APART.includes(field))
          .map(([field, value]) => (
            <Field key={field} name={field}>
              {typeof value === "string" ? value : valueText(value as Json)}
            </Field>
          ))}
      </dl>
      <BeforeEvent app={app} line={line} />
    </section>
  );
}

/** Fields that stand elsewhere in the detail. */
const SHOWN_APART = ["node", "service", "epoch", "seq", "t", "kind"];

function Field({
  name,
  children,
}: {
  readonly name: string;
  readonly children: unknown;
}): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children as string}</dd>
    </div>
  );
}

function EventTable({ app }: { readonly app: App }): JSX.Element {
  const { events } = app.answers;
  const stretch = app.choices.stretch.value;
  const answered = events.answered.value;
  const failure = events.failure.value;
  const hues = new Map(app.watch.facts.value?.nodes.map(({ node, hue }) => [node, hue]));
  if (failure !== null && !failure.isLost) {
    return (
      <FailureNotice
        failure={failure}
        what="The events could not be listed."
        retry={() => events.retry()}
      />
    );
  }
  if (answered === null) return <p class="hint">Asking for the events…</p>;
  const { events: lines, next } = answered.answer;
  const node = app.choices.selectedNode.value;
  return (
    <section
      aria-label="Table of events"
      data-stale={events.pending.value}
      aria-busy={events.pending.value}
    >
      <div class="panel-title">
        <h2>
          {stretch !== null
            ? `Events from ${clockText(stretch.from)} to ${clockText(stretch.to)}`
            : node === null
              ? "Events in view"
              : `Events of ${node} in view`}
        </h2>
        {stretch !== null && (
          <button
            type="button"
            class="tool"
            onClick={() => {
              app.choices.stretch.value = null;
            }}
          >
            All in view
          </button>
        )}
      </div>
      {lines.length === 0 ? (
        <p class="hint">No event in this range.</p>
      ) : (
        <table class="event-rows">
          <caption>
            {countText(lines.length)}
            {next === undefined ? "" : "+"} {lines.length === 1 ? "event" : "events"}
          </caption>
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Node</th>
              <th scope="col">What</th>
            </tr>
          </thead>
          <tbody>
            {lines.map((line) => (
              <Row
                key={`${line.node}/${line.epoch}/${line.seq}`}
                app={app}
                line={line}
                hue={hues.get(line.node) ?? 0}
              />
            ))}
          </tbody>
        </table>
      )}
      {next !== undefined && (
        <button
          type="button"
          class="more"
          onClick={() => {
            app.verbs.eventLimit.value = Math.min(10_000, app.verbs.eventLimit.value + EVENTS_PAGE);
          }}
        >
          Show {EVENTS_PAGE} more
        </button>
      )}
    </section>
  );
}

function Row({
  app,
  line,
  hue,
}: {
  readonly app: App;
  readonly line: EventLineJson;
  readonly hue: number;
}): JSX.Element {
  const t = ticksOf(line.t);
  const { node, epoch, seq } = line;
  const selected = app.choices.selectedEvent.value;
  const isSelected = selected?.node === node && selected.epoch === epoch && selected.seq === seq;
  return (
    <tr data-selected={isSelected}>
      <td>
        <button
          type="button"
          class="link"
          title={exactClockText(t)}
          onClick={() => app.verbs.selectEvent({ node, epoch, seq, t })}
        >
          {clockText(t)}
        </button>
      </td>
      <td>
        <i class={`swatch hue-${hue}`} aria-hidden="true" /> {node}
      </td>
      <td>{describeEvent(line, receiverOf(line, app.timeline.value))}</td>
    </tr>
  );
}
