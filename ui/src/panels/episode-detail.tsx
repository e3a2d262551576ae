/** One episode in full: where its milliseconds went, what it cost, and how that is known. */
import type { JSX } from "preact";
import { TICKS_PER_MS } from "../../../agent/kernel/index.ts";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import { causeMeaning, type EpisodeFacts, msText, placeText } from "../model/episodes.ts";
import { clampTicks } from "../scale/time-scale.ts";
import { clockText, countText, durationText, exactClockText, plural } from "../scale/time-words.ts";

/** Lines of evidence; the first causes say most. */
const MAX_EVIDENCE = 8;
/** What led to a stall was done shortly before it. */
const BEFORE_TICKS = 50 * TICKS_PER_MS;
/** An onset is told by a heartbeat, of which there is one each 5 ms: what began it may lie so much later. */
const AFTER_TICKS = 10 * TICKS_PER_MS;

export function EpisodeDetail({
  app,
  episode,
}: {
  readonly app: App;
  readonly episode: EpisodeFacts;
}): JSX.Element {
  const { json, from } = episode;
  const what = json.class === "burst" ? "Burst of requests" : "Bottleneck";
  return (
    <section class="episode-detail" aria-label="Chosen bottleneck">
      <div class="panel-title">
        <h2>
          {what} on {placeText(episode)}
        </h2>
        <div class="buttons" role="group" aria-label="Chosen bottleneck">
          <button type="button" class="tool" onClick={() => stateBefore(app, episode)}>
            State just before
          </button>
          <button type="button" class="tool" onClick={() => eventsAround(app, episode)}>
            What it did then
          </button>
          <button
            type="button"
            class="tool"
            aria-label="Close the bottleneck"
            onClick={() => {
              app.choices.selectedEpisode.value = null;
            }}
          >
            ✕
          </button>
        </div>
      </div>
      <Causes episode={episode} />
      <dl class="fields">
        <Field name="onset" text={exactClockText(from)} />
        <Field name="lasted" text={lastedText(episode)} />
        <Field name="cost" text={costText(episode)} />
        {json.path.length > 0 && (
          <Field
            name="path"
            text={[json.path[0]?.from, ...json.path.map(({ to }) => to)].join(" → ")}
          />
        )}
        <Field name="clocks" text={clocksText(episode)} />
        {json.signals.unavailable.length > 0 && (
          <Field name="not known" text={json.signals.unavailable.join(", ")} />
        )}
        <Evidence episode={episode} />
      </dl>
    </section>
  );
}

/** What is not explained stands there too, also where it is nothing. */
function Causes({ episode }: { readonly episode: EpisodeFacts }): JSX.Element {
  const { causes, unexplainedMs, durationMs } = episode.json;
  return (
    <table class="episode-rows">
      <caption class="sr-only">Where {msText(durationMs)} went</caption>
      <thead>
        <tr>
          <th scope="col">Cause</th>
          <th scope="col" class="number">
            Of {msText(durationMs)}
          </th>
        </tr>
      </thead>
      <tbody>
        {causes.map(({ cause, node, ms }) => (
          <tr key={`${cause} ${node}`}>
            <td>
              {cause} on {node} <span class="meaning">{causeMeaning(cause)}</span>
            </td>
            <td class="number">{msText(ms)}</td>
          </tr>
        ))}
        <tr>
          <td>unexplained</td>
          <td class="number">{msText(unexplainedMs)}</td>
        </tr>
      </tbody>
    </table>
  );
}

function Evidence({ episode }: { readonly episode: EpisodeFacts }): JSX.Element | null {
  const lines = episode.json.causes.flatMap(({ evidence }) => evidence);
  if (lines.length === 0) return null;
  return (
    <div>
      <dt>evidence</dt>
      {[...new Set(lines)].slice(0, MAX_EVIDENCE).map((line) => (
        <dd key={line}>{line}</dd>
      ))}
    </div>
  );
}

function Field({ name, text }: { readonly name: string; readonly text: string }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{text}</dd>
    </div>
  );
}

function lastedText({ json, isOpen }: EpisodeFacts): string {
  const drain = json.drainMs > 0 ? `, then ${msText(json.drainMs)} to drain` : "";
  return `${msText(json.durationMs)}${isOpen ? " so far" : drain}`;
}

function costText({ json }: EpisodeFacts): string {
  const { requestMs, requests, worstMs } = json.severity;
  return `${countText(Math.round(requestMs))} request-ms; ${plural(requests, "request")} slower than usual, worst ${msText(worstMs)}`;
}

function clocksText({ json, from }: EpisodeFacts): string {
  const { boundMs, orderUsed } = json.skew;
  const known = boundMs === null ? "not known" : `known within ${msText(boundMs)}`;
  const order = orderUsed ? "" : "; no order in time was used";
  const ahead = from - ticksOf(json.onset);
  const lead = ahead > 0 ? `; stamps ${durationText(ahead)} ahead of its own` : "";
  return `${known}${order}${lead}`;
}

/** The moment before it began, by every clock involved. */
function stateBefore(app: App, { json, from }: EpisodeFacts): void {
  app.verbs.moveCut(ticksOf(json.snapshot.at), true);
  app.verbs.openTab("state");
  app.verbs.say(`State just before the bottleneck of ${clockText(from)}.`);
}

/** The events around the onset, of the charged node or of both ends of the way. */
function eventsAround(app: App, { json, from }: EpisodeFacts): void {
  const { node, edge } = json.tier;
  app.verbs.openStretch({
    nodes: edge === undefined ? [node] : [edge.from, edge.to],
    from: clampTicks(from - BEFORE_TICKS),
    to: clampTicks(from + AFTER_TICKS),
  });
}
