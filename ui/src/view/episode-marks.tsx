/**
 * The marks of episodes on the lanes: real buttons above the canvas, so that they have a focus, a name, and the
 * user's own colours. Where they stand is decided in model/episode-marks.ts. One stop of the Tab key for all of
 * them; ↑ ↓ Home End walk in the order of the lanes.
 */
import { useSignal } from "@preact/signals";
import type { JSX, TargetedKeyboardEvent } from "preact";
import type { App } from "../app.ts";
import { walkFocus } from "../input/walk-focus.ts";
import { costliest, type EpisodeMark, markEpisodes } from "../model/episode-marks.ts";
import { causeLabel, episodeSentence } from "../model/episodes.ts";

/** Above it a chip has air; on the least lanes it has just room above the glyphs. */
const ROOMY_LANE_PX = 72;

export function EpisodeMarks({ app }: { readonly app: App }): JSX.Element | null {
  const stop = useSignal("");
  const scale = app.scale.value;
  if (scale === null) return null;
  const marks = markEpisodes(app.episodes.list.value, app.layout.value, scale);
  if (marks.length === 0) return null;
  const ids = marks.map(({ episodes }) => episodes[0].id);
  const current = ids.includes(stop.value) ? stop.value : ids[0];
  return (
    <ul class="episode-marks" aria-label="Bottlenecks on the lanes" onKeyDown={walk}>
      {marks.map((mark) => {
        const [{ id }] = mark.episodes;
        const focus = () => {
          stop.value = id;
        };
        return <Mark key={id} app={app} mark={mark} isStop={id === current} onFocus={focus} />;
      })}
    </ul>
  );
}

interface MarkProps {
  readonly app: App;
  readonly mark: EpisodeMark;
  readonly isStop: boolean;
  readonly onFocus: () => void;
}

function Mark({ app, mark, isStop, onFocus }: MarkProps): JSX.Element {
  const shown = costliest(mark);
  const { episodes, hasLabel } = mark;
  const isSelected = episodes.some(({ id }) => id === app.choices.selectedEpisode.value);
  const more = episodes.length - 1;
  const label = `${causeLabel(shown)}${more === 0 ? "" : ` +${more}`}`;
  const sentence = `${episodeSentence(shown)}${more === 0 ? "" : `; and ${more} more here`}`;
  // Who says what is written there finds it (WCAG 2.5.3).
  const name = !hasLabel || sentence.includes(label) ? sentence : `${label}: ${sentence}`;
  return (
    <li
      class="episode-mark"
      ref={(element) => place(element, mark)}
      data-class={shown.json.class}
      data-open={episodes.some(({ isOpen }) => isOpen)}
      data-selected={isSelected}
    >
      <i class="stretch" aria-hidden="true" />
      <button
        type="button"
        tabIndex={isStop ? 0 : -1}
        aria-label={name}
        aria-pressed={isSelected}
        title={sentence}
        onFocus={onFocus}
        onClick={() => app.bottlenecks.select(shown)}
        onPointerDown={keepFromPlot}
        onDblClick={keepFromPlot}
        onPointerMove={(event) => {
          event.stopPropagation();
          app.hover.value = null;
        }}
      >
        <span class="shape" aria-hidden="true">
          {shown.json.class === "burst" ? "▲" : "◆"}
        </span>
        {hasLabel && (
          <span class="label" aria-hidden="true">
            {label}
          </span>
        )}
      </button>
    </li>
  );
}

/** The plot would take the pointer for itself: to drag, and to put the cut where it is. */
function keepFromPlot(event: Event): void {
  event.stopPropagation();
}

function place(element: HTMLElement | null, mark: EpisodeMark): void {
  if (element === null) return;
  const { row, x, width, chipX, chipRoom } = mark;
  const set = (name: string, px: number) => element.style.setProperty(`--${name}`, `${px}px`);
  element.style.transform = `translate(${x}px, ${row.y}px)`;
  set("stretch", width);
  set("lane", row.trackY - row.y - 1);
  set("chip-x", chipX - x);
  set("chip-y", row.height >= ROOMY_LANE_PX ? 6 : 1);
  set("chip-room", chipRoom);
}

function walk(event: TargetedKeyboardEvent<HTMLUListElement>): void {
  walkFocus(event, [...event.currentTarget.querySelectorAll<HTMLElement>("button")]);
}
