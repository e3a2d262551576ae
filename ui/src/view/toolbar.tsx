/** The toolbar: where to go, what range is shown, stepping, comparing, live or paused. */
import type { JSX } from "preact";
import type { App } from "../app.ts";
import type { Theme } from "../model/choices.ts";
import { RATES } from "../model/player.ts";
import { clockText, dateText, durationText } from "../scale/time-words.ts";
import { AlertBell } from "./alert-bell.tsx";
import { Omnibox } from "./omnibox.tsx";

const THEMES: readonly (readonly [Theme, string])[] = [
  ["system", "Auto"],
  ["light", "Light"],
  ["dark", "Dark"],
];

export function Toolbar({ app }: { readonly app: App }): JSX.Element {
  const { verbs, stepper, choices } = app;
  const live = choices.live.value;
  const selected = choices.selectedNode.value;
  const of = selected === null ? "" : ` of ${selected}`;
  return (
    <header class="toolbar">
      <h1 class="brand">
        <img src="/favicon.svg" alt="" width="22" height="22" />
        <span>Retroscope</span>
      </h1>
      <Omnibox app={app} />
      <RangeText app={app} />
      <div class="buttons" role="group" aria-label="View">
        <Tool
          label="Previous range"
          shown="↶"
          title="Take back the last change of range (Z)"
          isOff={!verbs.canGoBack.value}
          run={() => verbs.walkTrail(-1)}
        />
        <Tool label="Zoom out" shown="−" title="Zoom out (S)" run={() => verbs.zoom(1.6)} />
        <Tool label="Zoom in" shown="+" title="Zoom in (W)" run={() => verbs.zoom(1 / 1.6)} />
        <Tool
          label="Fit the whole history"
          shown="Fit"
          title="Whole history (0)"
          run={() => verbs.fitAll()}
        />
      </div>
      <div class="buttons" role="group" aria-label="Step">
        <Tool
          label={`Previous change${of}`}
          before="◂"
          shown="Previous"
          title={`Cut to the previous change${of} (← or J)`}
          run={() => stepper.step(-1)}
        />
        <Tool
          label={`Next change${of}`}
          after="▸"
          shown="Next"
          title={`Cut to the next change${of} (→ or K)`}
          run={() => stepper.step(1)}
        />
        <PlayTool app={app} />
      </div>
      <Tool
        label="Compare from here"
        shown="Compare"
        title="Fix cut 1 here, then move the line (X)"
        run={() => verbs.fixCut()}
      />
      <button
        type="button"
        class="live-switch"
        aria-pressed={live}
        title={live ? "Pause (L)" : "Follow the newest complete time (L)"}
        onClick={() => verbs.toggleLive()}
      >
        <span class="live-dot" aria-hidden="true" />
        Live
      </button>
      <AlertBell app={app} />
      <label class="theme-switch">
        <span class="sr-only">Theme</span>
        <select
          value={choices.theme.value}
          onChange={(event) => {
            choices.theme.value = event.currentTarget.value as Theme;
          }}
        >
          {THEMES.map(([theme, name]) => (
            <option key={theme} value={theme}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <Tool
        label="Keyboard help"
        shown="?"
        title="All keys (?)"
        run={() => {
          app.isHelpOpen.value = true;
        }}
      />
    </header>
  );
}

interface ToolProps {
  readonly label: string;
  readonly shown: string;
  /** An arrow before or after what is shown; it stays where there is no room for words. */
  readonly before?: string;
  readonly after?: string;
  readonly title: string;
  /** Nothing to do at the moment; it keeps its place and its focus. */
  readonly isOff?: boolean;
  readonly run: () => void;
}

function Tool({ label, shown, before, after, title, isOff, run }: ToolProps): JSX.Element {
  return (
    <button
      type="button"
      class="tool"
      aria-label={label}
      aria-disabled={isOff === true}
      title={title}
      onClick={run}
    >
      {before !== undefined && <span aria-hidden="true">{before}</span>}
      {before === undefined && after === undefined ? shown : <span class="wordy">{shown}</span>}
      {after !== undefined && <span aria-hidden="true">{after}</span>}
    </button>
  );
}

/** Plays, and says how fast while it does. */
function PlayTool({ app }: { readonly app: App }): JSX.Element {
  const { player } = app;
  const isPlaying = player.isPlaying.value;
  return (
    <>
      <button
        type="button"
        class="tool"
        aria-label="Play"
        aria-pressed={isPlaying}
        title={`${isPlaying ? "Stop" : "Play change by change"} (Space)`}
        onClick={() => player.toggle()}
      >
        <span aria-hidden="true">{isPlaying ? "■" : "▶"}</span>
      </button>
      {isPlaying && (
        <select
          class="tool"
          aria-label="Changes a second"
          value={player.rate.value}
          onChange={({ currentTarget }) => {
            player.rate.value = RATES[currentTarget.selectedIndex] ?? player.rate.peek();
          }}
        >
          {RATES.map((rate) => (
            <option key={rate} value={rate}>
              {rate}/s
            </option>
          ))}
        </select>
      )}
    </>
  );
}

function RangeText({ app }: { readonly app: App }): JSX.Element {
  const view = app.choices.viewport.value;
  if (view === null || app.watch.facts.value === null) return <p class="range" />;
  return (
    <p class="range" title={`${dateText(view.from)}, times are UTC`}>
      <span>{clockText(view.from)}</span> – <span>{clockText(view.to)}</span>
      <b>{durationText(view.to - view.from)}</b>
    </p>
  );
}
