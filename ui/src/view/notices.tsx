/** Above the timeline: what went wrong, where, and what to do next. */
import type { JSX } from "preact";
import type { ApiFailure } from "../api/client.ts";
import type { App } from "../app.ts";
import { plural } from "../scale/time-words.ts";

export function Notices({ app }: { readonly app: App }): JSX.Element {
  const lost = app.watch.failure.value;
  const { timeline, overview } = app.answers;
  const broken =
    lost === null
      ? (timeline.failure.value ?? overview.failure.value ?? app.stepper.failure.value)
      : null;
  const ignored = app.ignoredParts.value;
  return (
    <div class="notices">
      {lost !== null && <Lost app={app} failure={lost} />}
      {broken !== null && (
        <FailureNotice
          failure={broken}
          what="The timeline could not be loaded."
          retry={() => timeline.retry()}
        />
      )}
      {ignored.length > 0 && (
        <p class="notice" role="status">
          This link has parts that this version does not know, and leaves out: {ignored.join(", ")}.
          <button
            type="button"
            onClick={() => {
              app.ignoredParts.value = [];
            }}
          >
            Close
          </button>
        </p>
      )}
    </div>
  );
}

function Lost({ app, failure }: { readonly app: App; readonly failure: ApiFailure }): JSX.Element {
  if (failure.status === 401 || failure.status === 403)
    return <TokenForm app={app} failure={failure} />;
  const seconds = app.watch.retryInS.value;
  const hasData = app.watch.facts.value !== null;
  return (
    <div class="notice error" role="alert">
      <p>
        <b>{failure.isLost ? "The collector does not answer." : failure.message}</b>{" "}
        {hasData ? "What is on screen stays usable. " : ""}
        {failure.isLost ? "" : `${failure.hint ?? ""} `}
        <span aria-hidden="true">
          {seconds === 0 ? "Trying again…" : `Trying again in ${plural(seconds, "second")}.`}
        </span>
      </p>
      <button type="button" onClick={() => app.watch.askNow()}>
        Try now
      </button>
    </div>
  );
}

/** The token stays in memory: never in the address, never stored. */
function TokenForm({
  app,
  failure,
}: {
  readonly app: App;
  readonly failure: ApiFailure;
}): JSX.Element {
  return (
    <form
      class="notice error"
      onSubmit={(event) => {
        event.preventDefault();
        const input = event.currentTarget.elements.namedItem("token");
        if (!(input instanceof HTMLInputElement)) return;
        app.client.setToken(input.value);
        app.watch.askNow();
      }}
    >
      <p>
        <b>This collector asks for a token.</b> {failure.hint ?? failure.message}
      </p>
      <label>
        Token <input name="token" type="password" autocomplete="off" />
      </label>
      <button type="submit">Use it</button>
    </form>
  );
}

interface FailureProps {
  readonly failure: ApiFailure;
  readonly what: string;
  readonly retry: () => void;
  readonly children?: JSX.Element | undefined;
}

/** What, why, the next step, and a code to quote. */
export function FailureNotice({ failure, what, retry, children }: FailureProps): JSX.Element {
  return (
    <div class="notice error" role="alert">
      <p>
        <b>{what}</b> {sentence(failure.message)} {sentence(failure.hint ?? "")}{" "}
        <code>{failure.code}</code>
      </p>
      {children}
      <button type="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

/** The collector's words about a query begin small and end without a stop. */
function sentence(words: string): string {
  if (words === "") return "";
  return words.charAt(0).toUpperCase() + words.slice(1) + (/[.?!:]$/.test(words) ? "" : ".");
}
