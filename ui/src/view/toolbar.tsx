/** The toolbar: where to go, what range is shown, stepping, comparing, live or paused. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { App } from "../app.ts";
import type { Theme } from "../model/choices.ts";
import { readTypedTime } from "../model/typed-time.ts";
import { clockText, dateText, durationText } from "../scale/time-words.ts";
import { AlertBell } from "./alert-bell.tsx";

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
      <GoToTime app={app} />
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

/** The typed twin of dragging the cut: takes every form of time that the command line takes. */
function GoToTime({ app }: { readonly app: App }): JSX.Element {
  const problem = useSignal("");
  const go = (event: SubmitEvent) => {
    event.preventDefault();
    const input = (event.currentTarget as HTMLFormElement).elements.namedItem("time");
    if (!(input instanceof HTMLInputElement) || input.value.trim() === "") return;
    const typed = readTypedTime(input.value, app.choices.cut.peek(), app.watch.facts.peek()?.now);
    if ("problem" in typed) {
      problem.value = typed.problem;
      return;
    }
    problem.value = "";
    app.verbs.moveCut(typed.t, true);
    input.value = "";
    input.blur();
  };
  return (
    <form class="go-to" onSubmit={go} role="search">
      <label class="sr-only" for="go-to-time">
        Go to a time
      </label>
      <input
        id="go-to-time"
        name="time"
        autocomplete="off"
        spellcheck={false}
        placeholder="Go to a time: 16:00:00.123, -5s"
        aria-invalid={problem.value !== ""}
        aria-describedby="go-to-problem"
        onInput={() => {
          problem.value = "";
        }}
      />
      <p id="go-to-problem" class="go-to-problem" role="alert" hidden={problem.value === ""}>
        {problem.value}
      </p>
    </form>
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
