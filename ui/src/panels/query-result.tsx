/** What a query has answered so far: how far the search is, its rows, its end, or why there are none. */
import type { JSX } from "preact";
import type { App } from "../app.ts";
import {
  endFacts,
  noRowsText,
  phaseText,
  progressShare,
  shortfallText,
  statusText,
} from "../query/end-words.ts";
import { sameQuestion } from "../query/names.ts";
import type { ResultPart, RowBook } from "../query/row-book.ts";
import { clockText, durationText, plural } from "../scale/time-words.ts";
import { openEditorOf } from "./query-editor.tsx";
import { QueryRows } from "./query-rows.tsx";

/** Reasons listed of one query. */
const MAX_REASONS = 8;

export function QueryResult({ app }: { readonly app: App }): JSX.Element | null {
  const { query } = app;
  const result = query.run.result.value;
  const phase = query.run.phase.value;
  if (result === null) {
    if (phase === "asking") return <p class="hint">Asking…</p>;
    return phase === "idle" ? <Examples app={app} /> : null;
  }
  const { book, asked } = result;
  const isStale = !sameQuestion(asked, query.run.asked.value);
  const isRunning = phase === "running" && !isStale;
  return (
    <section class="result" aria-label="Rows" data-stale={isStale} aria-busy={phase === "asking"}>
      <div class="panel-title">
        <h2>{book.rowCount === 0 && !isRunning ? "No rows" : `Rows: ${query.positionText()}`}</h2>
        <div class="buttons" role="group" aria-label="Walk the rows">
          <button
            type="button"
            class="tool"
            aria-disabled={book.rowCount === 0}
            title="Previous row (P)"
            onClick={() => query.walk(-1)}
          >
            ‹ Previous
          </button>
          <button
            type="button"
            class="tool"
            aria-disabled={book.rowCount === 0}
            title="Next row (N)"
            onClick={() => query.walk(1)}
          >
            Next ›
          </button>
          <button
            type="button"
            class="tool"
            title="Take rows and marks away"
            onClick={() => query.clear()}
          >
            Clear
          </button>
        </div>
      </div>
      {isStale && <p class="hint">Of the query before; the newest has no rows yet.</p>}
      {!isStale && phaseText(phase, book.parts) !== "" && (
        <p class="hint progress-line">
          {isRunning && <progress value={progressShare(book.parts)} aria-label="Searched" />}
          {phaseText(phase, book.parts)}
        </p>
      )}
      {book.rowCount > 0 && <QueryRows app={app} book={book} />}
      {book.parts.map((part) => (
        <PartEnd key={part.query} part={part} isOne={book.parts.length === 1} />
      ))}
      <RunWarnings book={book} />
      {book.valuesLeftOut > 0 && (
        <p class="hint">
          Too much to keep: {plural(book.valuesLeftOut, "row")} without values. Ask for fewer
          columns or a narrower range.
        </p>
      )}
    </section>
  );
}

function PartEnd({
  part,
  isOne,
}: {
  readonly part: ResultPart;
  readonly isOne: boolean;
}): JSX.Element | null {
  const { end, error, plan } = part;
  if (end === null && plan === null) return null;
  const more = (end?.incomplete.length ?? 0) - MAX_REASONS;
  return (
    <div class="part-end">
      {!isOne && <h3>Query {part.query + 1}</h3>}
      {plan !== null && <pre class="plan">{plan.text}</pre>}
      {error !== null && (
        <p class="problem error">
          <b>Failed while running:</b> {error.message} {error.hint} <code>{error.code}</code>
        </p>
      )}
      {end !== null && plan === null && end.rows === 0 && end.matches === 0 && (
        <p>{noRowsText(part)}</p>
      )}
      {end !== null && plan === null && (
        <>
          <p>
            <b>{statusText(end)}.</b> Searched {clockText(part.from)} – {clockText(part.to)},{" "}
            {durationText(part.to - part.from)},{" "}
            {end.complete ? (
              <span class="sign good">✓ complete</span>
            ) : (
              <span class="sign warn">incomplete</span>
            )}
          </p>
          <dl class="facts">
            {endFacts(end).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          {!end.complete && (
            <ul class="reasons">
              {end.incomplete.slice(0, MAX_REASONS).map((one, place) => (
                <li key={`${one.node} ${one.reason} ${place}`}>{shortfallText(one)}</li>
              ))}
              {more > 0 && <li>and {plural(more, "more reason")}</li>}
            </ul>
          )}
        </>
      )}
    </div>
  );
}

/** What was said while it ran. What was said of the text stands below the text as well, with its fix. */
function RunWarnings({ book }: { readonly book: RowBook }): JSX.Element | null {
  if (book.warnings.length === 0) return null;
  return (
    <ul class="run-warnings" aria-label="Warnings of this run">
      {book.warnings.map((one) => (
        <li key={`${one.query} ${one.code} ${one.line}:${one.column}`} class="problem warning">
          <b>Warning:</b> {one.message} {one.hint ?? ""}{" "}
          <span class="muted">
            line {one.line}, column {one.column}
          </span>
        </li>
      ))}
      {book.warningCount > book.warnings.length && (
        <li>and {plural(book.warningCount - book.warnings.length, "more warning")}</li>
      )}
    </ul>
  );
}

/** Nothing asked yet: queries that would find something here. */
function Examples({ app }: { readonly app: App }): JSX.Element {
  const names = app.query.schema.answered.value?.answer;
  const language = app.query.language.value;
  const examples = names === undefined || language === null ? [] : language.examples(names);
  return (
    <div class="query-invite">
      <p class="hint">
        A query searches every moment of a range. Its rows become marks on the timeline; N and P go
        from one to the next.
      </p>
      {examples.length > 0 && (
        <ul aria-label="Queries to begin with">
          {examples.map(({ text, why }) => (
            <li key={text}>
              <button
                type="button"
                class="example-query"
                onClick={() => {
                  app.query.type(text);
                  openEditorOf(app)?.focus();
                }}
              >
                <code>{text}</code>
                <span>{why}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
