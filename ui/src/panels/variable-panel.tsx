/**
 * One variable on one node: what it holds at the cut, and its values before and after. Each value
 * leads to its write: the cut moves onto it and the event is selected.
 */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Json } from "../../../agent/kernel/index.ts";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import type { VariableName } from "../model/choices.ts";
import { jsonText, unknownWords, valueText } from "../model/value-text.ts";
import type { VariableHistory, VariableValue } from "../model/variable-history.ts";
import { clockText, durationText, exactClockText } from "../scale/time-words.ts";
import { FailureNotice } from "../view/notices.tsx";

interface VariableProps {
  readonly app: App;
  readonly variable: VariableName;
}

export function VariablePanel({ app, variable }: VariableProps): JSX.Element {
  const { node, log, key } = variable;
  const title = useRef<HTMLHeadingElement>(null);
  // What had the focus is gone: the heading takes it, and is read out.
  useEffect(() => title.current?.focus(), [node, log, key]);
  const slot = app.answers.variable;
  const answered = slot.answered.value;
  const failure = slot.failure.value;
  const isOurs =
    answered !== null &&
    answered.question.node === node &&
    answered.question.log === log &&
    answered.question.key === key;
  const isPinned = app.choices.pins.value.some((pin) => pin.log === log && pin.key === key);
  const hue = app.watch.facts.value?.nodes.find((one) => one.node === node)?.hue ?? 0;
  return (
    <section class="variable" aria-label={`History of ${log} / ${key} on ${node}`}>
      <div class="panel-title">
        <button type="button" class="tool" onClick={() => leave(app)}>
          ‹ Whole state
        </button>
        <button
          type="button"
          class="tool"
          title="To the write of this value, and to what came before it (Y)"
          onClick={() => void app.walker.why(variable)}
        >
          Why
        </button>
        <button
          type="button"
          class="tool"
          aria-pressed={isPinned}
          title="Draw its values below each lane that holds it"
          onClick={() => app.verbs.togglePin(variable)}
        >
          Show on lanes
        </button>
      </div>
      <h2 ref={title} tabIndex={-1}>
        <i class={`swatch hue-${hue}`} aria-hidden="true" /> {node} <span class="log">{log} /</span>{" "}
        {key}
      </h2>
      {failure !== null && !failure.isLost && (
        <FailureNotice
          failure={failure}
          what="Its history could not be read."
          retry={() => slot.retry()}
        />
      )}
      {!isOurs && failure === null && <p class="hint">Asking for its history…</p>}
      {isOurs && (
        <History
          app={app}
          variable={variable}
          history={answered.answer}
          around={answered.question.around}
        />
      )}
    </section>
  );
}

/** Back to the whole state, with the focus in the panel: the button that had it is gone. */
function leave(app: App): void {
  app.verbs.openVariable(null);
  document.getElementById("panel-body")?.focus();
}

interface HistoryProps extends VariableProps {
  readonly history: VariableHistory;
  readonly around: number;
}

function History({ app, variable, history, around }: HistoryProps): JSX.Element {
  const current = history.values.find(({ isCurrent }) => isCurrent)?.value;
  const isStale = around !== app.choices.cut.value;
  if (history.values.length === 0) {
    return <p class="hint">It was never written, as far as is recorded.</p>;
  }
  return (
    <div data-stale={isStale} aria-busy={isStale}>
      <p class="hint">
        {current === undefined ? (
          "Not written yet at the cut."
        ) : (
          <>{sinceWhen(current, around)} Choose a row to go to its write.</>
        )}
      </p>
      {current !== undefined && <pre class="now-value">{wordsOf(current, jsonText)}</pre>}
      <table class="values">
        <caption>
          Values around the cut, newest first
          {history.hasEarlier || history.hasLater ? "; there are more beyond these" : ""}
        </caption>
        <thead>
          <tr>
            <th scope="col">Written</th>
            <th scope="col">Value</th>
          </tr>
        </thead>
        <tbody>
          {history.values.toReversed().map(({ value, isCurrent }) => {
            const t = ticksOf(value.at);
            return (
              <tr
                key={`${value.epoch}/${value.seq}`}
                data-selected={isCurrent}
                data-later={t > around}
              >
                <td>
                  <button
                    type="button"
                    class="link"
                    aria-current={isCurrent}
                    title={exactClockText(t)}
                    onClick={() => goToWrite(app, variable, value)}
                  >
                    {clockText(t)}
                  </button>
                </td>
                <td data-absent={value.value === undefined}>{wordsOf(value, valueText)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function sinceWhen({ at, lost, notCaptured }: VariableValue, around: number): string {
  const span = around - ticksOf(at);
  if (lost === true || notCaptured === true) {
    return span === 0
      ? "Not known from the cut on."
      : `At the cut it has not been known for ${durationText(span)}.`;
  }
  return span === 0
    ? "Written at the cut."
    : `At the cut it has held this for ${durationText(span)}.`;
}

function wordsOf(
  { value, lost, notCaptured }: VariableValue,
  words: (value: Json) => string,
): string {
  if (lost === true) return unknownWords("lost");
  if (notCaptured === true) return unknownWords("not-captured");
  return value === undefined ? "deleted" : words(value);
}

/** The list stays open: the ring on the lane shows where the write is. */
function goToWrite(app: App, { node }: VariableName, { at, epoch, seq }: VariableValue): void {
  const t = ticksOf(at);
  app.verbs.moveCut(t, true);
  app.verbs.selectEvent({ node, epoch, seq, t }, false);
}
