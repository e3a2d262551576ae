/** The heat map's twin: a row for each window in view, with its percentiles and the episodes that reach into it. */
import type { JSX } from "preact";
import type { App } from "../app.ts";
import { episodesIn } from "../model/episode-book.ts";
import { causeLabel, type EpisodeFacts, episodeSentence } from "../model/episodes.ts";
import { clockText, countText, durationText, microsText, plural } from "../scale/time-words.ts";
import { columnsIn, type HeatColumn } from "./heat-map.ts";
import { chooseBox, latencyDesk } from "./latency-desk.ts";
import { LINE_NAMES, lineValue } from "./latency-lines.ts";
import { StripState } from "./strip-tools.tsx";

/** Rows; the rest is counted. */
const MAX_ROWS = 300;

export function LatencyTable({ app }: { readonly app: App }): JSX.Element {
  const view = app.choices.viewport.value;
  const map = latencyDesk(app).maps.value?.[app.choices.latencySide.value];
  const columns = map === undefined || view === null ? [] : columnsIn(map, view);
  const episodes = view === null ? [] : episodesIn(app.episodes.list.value, view);
  return (
    <div
      class="latency-table"
      id="latency"
      tabIndex={0}
      role="group"
      aria-label="Latencies in rows"
    >
      <StripState app={app} />
      {map !== undefined && columns.length > 0 && (
        <table class="values">
          <caption>
            Windows of {durationText(map.windowTicks)}, by when requests ended. A percentile is
            given where a request lies beyond it: p99 from 100 requests.
          </caption>
          <thead>
            <tr>
              <th scope="col">Window</th>
              {["Requests", ...LINE_NAMES].map((name) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
              <th scope="col">Bottleneck</th>
            </tr>
          </thead>
          <tbody>
            {columns.slice(0, MAX_ROWS).map((column) => (
              <Row
                key={column.from}
                app={app}
                column={column}
                episodes={episodes.filter(({ from, to }) => from < column.to && to >= column.from)}
              />
            ))}
          </tbody>
        </table>
      )}
      {columns.length > MAX_ROWS && (
        <p class="hint">{plural(columns.length - MAX_ROWS, "more window")}: zoom in.</p>
      )}
    </div>
  );
}

interface RowProps {
  readonly app: App;
  readonly column: HeatColumn;
  readonly episodes: readonly EpisodeFacts[];
}

function Row({ app, column, episodes }: RowProps): JSX.Element {
  const { from, to, json, cells } = column;
  const [first] = cells;
  const last = cells.at(-1);
  const choose = () => {
    if (first === undefined || last === undefined) return;
    chooseBox(app, { from, to, lowUs: first.lowUs, highUs: last.highUs });
  };
  return (
    <tr>
      <td>
        <button type="button" class="link" title="Box around this window" onClick={choose}>
          {clockText(from)}
        </button>
      </td>
      <td class="number">{countText(json.count)}</td>
      {LINE_NAMES.map((name) => {
        const us = lineValue(json, name);
        return (
          <td key={name} class="number">
            {us === null ? "–" : microsText(us)}
          </td>
        );
      })}
      <td>
        {episodes.map((episode) => (
          <button
            key={episode.id}
            type="button"
            class="link"
            title={episodeSentence(episode)}
            onClick={() => app.bottlenecks.select(episode)}
          >
            {causeLabel(episode)}
          </button>
        ))}
      </td>
    </tr>
  );
}
