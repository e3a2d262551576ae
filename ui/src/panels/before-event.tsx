/** Below the selected event: what came before it, how it is tied to it, and the way there. */
import type { JSX } from "preact";
import type { EventLineJson } from "../../../collector/api/shapes.ts";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import { describeEvent } from "../model/event-words.ts";
import { type Before, nameOf } from "../model/why.ts";
import { endWords, tieWords } from "../model/why-words.ts";
import { clockText, durationText } from "../scale/time-words.ts";
import { FailureNotice } from "../view/notices.tsx";

interface BeforeProps {
  readonly app: App;
  readonly line: EventLineJson;
}

export function BeforeEvent({ app, line }: BeforeProps): JSX.Element {
  const { before } = app.answers;
  const failure = before.failure.value;
  const answered = before.answered.value;
  const isOurs = answered !== null && answered.question === line;
  return (
    <section class="before" aria-label="What came before" aria-busy={!isOurs}>
      <h3>Before it</h3>
      {failure !== null && !failure.isLost ? (
        <FailureNotice
          failure={failure}
          what="What came before could not be read."
          retry={() => before.retry()}
        />
      ) : isOurs ? (
        <Step app={app} line={line} before={answered.answer} />
      ) : (
        <p class="hint">Looking for the message before it…</p>
      )}
      {line.kind === "send" && (
        <p>
          <button type="button" class="tool" onClick={() => void app.walker.on()}>
            On to its receive <kbd>]</kbd>
          </button>
        </p>
      )}
      {app.walker.end.value !== null && <p class="reasons">{app.walker.end.value}</p>}
    </section>
  );
}

function Step({ app, line, before }: BeforeProps & { readonly before: Before }): JSX.Element {
  const end = endWords(line, before);
  const receive = "receive" in before ? before.receive : null;
  const at = before.type === "send" ? before.send.t : receive === null ? null : ticksOf(receive.t);
  return (
    <>
      {end !== null && <p class="reasons">{end}</p>}
      {at !== null && (
        <p class="step-before">
          <button type="button" class="tool" onClick={() => goTo(app, before)}>
            <span aria-hidden="true">◂ </span>
            {before.type === "send"
              ? `send on ${before.send.node}`
              : receive !== null && describeEvent(receive)}
            {end === null && <kbd>[</kbd>}
          </button>
          <span>
            {clockText(at)}, {durationText(ticksOf(line.t) - at)}{" "}
            {at <= ticksOf(line.t) ? "before" : "after, by the timestamps"}
          </span>
          {end === null && <span class="sign">{tieWords(before)}</span>}
        </p>
      )}
    </>
  );
}

/** Beyond an end only the person goes on: the button leads to what is known. */
function goTo(app: App, before: Before): void {
  if (before.type !== "missing" || before.receive === null) void app.walker.back();
  else {
    app.verbs.moveCut(ticksOf(before.receive.t), true);
    app.verbs.selectEvent(nameOf(before.receive));
  }
}

/** The way the chain has gone; each crumb leads back to its event. */
export function Crumbs({ app }: { readonly app: App }): JSX.Element | null {
  const crumbs = app.walker.crumbs.value;
  if (crumbs.length < 2) return null;
  return (
    <nav class="crumbs" aria-label="Why: the way here">
      <ol>
        {crumbs.map(({ event, text }, place) => (
          <li key={`${event.node}/${event.epoch}/${event.seq}`}>
            <button
              type="button"
              class="link"
              aria-current={place === crumbs.length - 1 ? "step" : undefined}
              onClick={() => app.walker.openCrumb(place)}
            >
              {text}
            </button>{" "}
            <time>{clockText(event.t)}</time>
          </li>
        ))}
      </ol>
      <button type="button" class="tool" onClick={() => app.walker.forget()}>
        Forget<span class="sr-only"> the way here</span>
      </button>
    </nav>
  );
}
