/** The toolbar: where to go, what range is shown, stepping, comparing, live or paused. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { parseTime, RetroError } from "../../../agent/kernel/index.ts";
import type { App } from "../app.ts";
import type { Theme } from "../model/choices.ts";
import { clockText, dateText, durationText } from "../scale/time-words.ts";

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
          shown="◂"
          title={`Previous change${of} (J)`}
          run={() => stepper.step(-1)}
        />
        <Tool
          label={`Next change${of}`}
          shown="▸"
          title={`Next change${of} (K)`}
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
  readonly title: string;
  readonly run: () => void;
}

function Tool({ label, shown, title, run }: ToolProps): JSX.Element {
  return (
    <button type="button" class="tool" aria-label={label} title={title} onClick={run}>
      {shown}
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
    const facts = app.watch.facts.peek();
    try {
      const t = parseTime(withDate(input.value.trim(), app), facts?.now ?? (0 as never));
      problem.value = "";
      app.verbs.moveCut(t, true);
      input.value = "";
      input.blur();
    } catch (error) {
      if (!(error instanceof RetroError)) throw error;
      problem.value = error.hint ?? error.message;
    }
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

/** A bare time of day means that of the day on screen. */
function withDate(text: string, app: App): string {
  const clock = /^(\d{1,2}):(\d\d)(?::(\d\d)([.,]\d{1,9})?)?(?:([+ ])([0-9a-f]{3}))?$/i.exec(text);
  const day = app.choices.cut.peek();
  if (clock === null || day === null) return text;
  const [, hour = "", minute = "", second = "00", fraction = "", , low] = clock;
  const iso = `${dateText(day)}T${hour.padStart(2, "0")}:${minute}:${second}`;
  return low === undefined
    ? `${iso}${fraction}Z`
    : `${iso}${(fraction || ".").padEnd(4, "0")}Z+${low}`;
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
