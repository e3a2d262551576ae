/** What is wrong with the text or doubtful about it: where, why, and what one key would do. */
import type { JSX } from "preact";
import type { App } from "../app.ts";
import type { Problem } from "../query/problem.ts";
import { openEditorOf } from "./query-editor.tsx";

/** Listed at once; the first are the ones to look at. */
const MAX_SHOWN = 6;

export function QueryProblems({ app }: { readonly app: App }): JSX.Element {
  const problems = app.query.problems.value;
  const first = problems.findIndex(({ fix }) => fix !== null);
  return (
    <div class="problems" role="status">
      {problems.slice(0, MAX_SHOWN).map((problem, place) => (
        <ProblemLine
          key={`${problem.start} ${problem.code}`}
          app={app}
          problem={problem}
          hasKey={place === first}
        />
      ))}
      {problems.length > MAX_SHOWN && (
        <p class="hint">and {problems.length - MAX_SHOWN} more warnings.</p>
      )}
    </div>
  );
}

interface LineProps {
  readonly app: App;
  readonly problem: Problem;
  readonly hasKey: boolean;
}

function ProblemLine({ app, problem, hasKey }: LineProps): JSX.Element {
  const { severity, start, end, code, message, hint, fix } = problem;
  return (
    <p class={`problem ${severity}`}>
      <b>{severity === "error" ? "Error" : "Warning"}:</b>{" "}
      <button
        type="button"
        class="link"
        title={`${code}: go to it in the text`}
        onClick={() => openEditorOf(app)?.select(start, end)}
      >
        {message}
      </button>
      {hint !== undefined && fix === null && <span class="problem-hint">; {hint}</span>}
      {fix !== null && (
        <button type="button" class="tool fix" onClick={() => openEditorOf(app)?.apply(fix)}>
          {fix.label}
          {hasKey && (
            <>
              {" "}
              <kbd>Ctrl+.</kbd>
            </>
          )}
        </button>
      )}
    </p>
  );
}
