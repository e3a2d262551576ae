/**
 * Bottlenecks: the chosen episode in full, and below it the list of those in view: the twin of the marks on the
 * lanes for everybody who cannot use them.
 */
import type { JSX } from "preact";
import type { App } from "../app.ts";
import { BoxPanel } from "../latency/box-panel.tsx";
import { episodesIn } from "../model/episode-book.ts";
import { episodesQuestion } from "../model/episode-window.ts";
import { causeLabel, type EpisodeFacts, msText, placeText } from "../model/episodes.ts";
import { reasonSentence } from "../model/reasons.ts";
import { clockText, plural } from "../scale/time-words.ts";
import { FailureNotice } from "../view/notices.tsx";
import { EpisodeDetail } from "./episode-detail.tsx";

/** Rows; the rest is counted. */
const MAX_ROWS = 200;
/** Reasons why more may have happened. */
const MAX_REASONS = 5;

export function BottleneckPanel({ app }: { readonly app: App }): JSX.Element {
  const known = app.episodes.list.value;
  const chosen = known.find(({ id }) => id === app.choices.selectedEpisode.value);
  const box = app.choices.box.value;
  return (
    <div class="bottlenecks">
      {box !== null && <BoxPanel app={app} box={box} />}
      {chosen !== undefined && <EpisodeDetail app={app} episode={chosen} />}
      <EpisodeList app={app} />
    </div>
  );
}

function EpisodeList({ app }: { readonly app: App }): JSX.Element | null {
  const { episodes: slot } = app.answers;
  const view = app.choices.viewport.value;
  const failure = slot.failure.value;
  if (view === null) return <p class="hint">Asking the collector…</p>;
  if (episodesQuestion(view) === null) {
    return <p class="hint">Bottlenecks are looked for in an hour or less: zoom in to see them.</p>;
  }
  if (failure !== null && !failure.isLost) {
    return (
      <FailureNotice
        failure={failure}
        what="The bottlenecks could not be listed."
        retry={() => slot.retry()}
      />
    );
  }
  if (slot.answered.value === null) return <p class="hint">Looking for bottlenecks…</p>;
  const shown = episodesIn(app.episodes.list.value, view);
  return (
    <section
      aria-label="Table of bottlenecks"
      data-stale={slot.pending.value}
      aria-busy={slot.pending.value}
    >
      <div class="panel-title">
        <h2>Bottlenecks in view</h2>
      </div>
      {shown.length === 0 ? (
        <NoneShown isUnwatched={slot.answered.value.answer.unwatched === true} />
      ) : (
        <Rows app={app} episodes={shown} />
      )}
      <Doubt app={app} />
    </section>
  );
}

/** None happened, or nobody would have known. */
function NoneShown({ isUnwatched }: { readonly isUnwatched: boolean }): JSX.Element {
  if (!isUnwatched) {
    return (
      <p class="hint">
        No short bottleneck is known in this view. Zoom out, or press Fit, to look further back.
      </p>
    );
  }
  return (
    <p class="hint">
      Nobody looked out for short bottlenecks in this view: no agent timed its requests. Start it
      with <code>{"startAgent({ requests: true })"}</code>.
    </p>
  );
}

function Rows({
  app,
  episodes,
}: {
  readonly app: App;
  readonly episodes: readonly EpisodeFacts[];
}): JSX.Element {
  return (
    <>
      <table class="episode-rows">
        <caption class="sr-only">Bottlenecks in view</caption>
        <thead>
          <tr>
            <th scope="col">Onset</th>
            <th scope="col">Where</th>
            <th scope="col">Cause</th>
            <th scope="col" class="number">
              Lasted
            </th>
          </tr>
        </thead>
        <tbody>
          {episodes.slice(0, MAX_ROWS).map((episode) => (
            <Row key={episode.id} app={app} episode={episode} />
          ))}
        </tbody>
      </table>
      {episodes.length > MAX_ROWS && (
        <p class="hint">{plural(episodes.length - MAX_ROWS, "more bottleneck")}: zoom in.</p>
      )}
    </>
  );
}

function Row({ app, episode }: { readonly app: App; readonly episode: EpisodeFacts }): JSX.Element {
  const { id, from, isOpen, json } = episode;
  return (
    <tr data-selected={app.choices.selectedEpisode.value === id}>
      <td>
        <button
          type="button"
          class="link"
          title="Cut here, and all about it"
          aria-pressed={app.choices.selectedEpisode.value === id}
          onClick={() => app.bottlenecks.select(episode)}
        >
          {clockText(from)}
        </button>
      </td>
      <td>{placeText(episode)}</td>
      <td>
        <span class="cause">{causeLabel(episode)}</span>
        {isOpen && <span class="sign">open</span>}
      </td>
      <td class="number">{msText(json.durationMs)}</td>
    </tr>
  );
}

/** Why there may be more than are listed. */
function Doubt({ app }: { readonly app: App }): JSX.Element | null {
  const answered = app.answers.episodes.answered.value;
  if (answered === null || answered.answer.complete) return null;
  const { incomplete, cutShort } = answered.answer;
  return (
    <div class="hint">
      <p>Perhaps not all:</p>
      <ul>
        {cutShort === true && (
          <li>more requests lie in this stretch than are read at a time; zoom in</li>
        )}
        {incomplete.slice(0, MAX_REASONS).map((one, place) => (
          <li key={`${place} ${one.node}`}>
            {one.node} {reasonSentence(one, answered.question.to)}
          </li>
        ))}
        {incomplete.length > MAX_REASONS && (
          <li>{plural(incomplete.length - MAX_REASONS, "more reason")}</li>
        )}
      </ul>
    </div>
  );
}
