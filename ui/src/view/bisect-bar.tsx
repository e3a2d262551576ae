/** Bisecting, above the timeline: what is marked, how many changes are left, and the two answers. */
import type { JSX } from "preact";
import type { Hlc } from "../../../agent/kernel/index.ts";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import type { BisectStep } from "../model/bisect.ts";
import { describeEvent } from "../model/event-words.ts";
import { clockText, countText, plural } from "../scale/time-words.ts";
import { FailureNotice } from "./notices.tsx";

/** Changes of the turn that are named. */
const MAX_NAMED = 6;

export function BisectBar({ app }: { readonly app: App }): JSX.Element | null {
  const { good, bad } = app.choices.bisect.value;
  if (good === null && bad === null) return null;
  const { bisect } = app.answers;
  const failure = bisect.failure.value;
  if (failure !== null && !failure.isLost) {
    return (
      <FailureNotice
        failure={failure}
        what="The changes could not be counted."
        retry={() => bisect.retry()}
      />
    );
  }
  const answered = bisect.answered.value;
  const isCurrent = answered?.question.good === good && answered?.question.bad === bad;
  const step = isCurrent ? (answered?.answer ?? null) : null;
  return (
    <section class="notice bisect" aria-label="Bisecting" aria-busy={bisect.pending.value}>
      <p>
        <b>Bisecting</b> {boundsWords(good, bad)}{" "}
        <span role="status">{step === null ? waitWords(good, bad) : <Step step={step} />}</span>
      </p>
      <div class="buttons" role="group" aria-label="The state at the cut is">
        <button type="button" class="tool" onClick={() => app.bisector.mark("good")}>
          Good <kbd>G</kbd>
        </button>
        <button type="button" class="tool" onClick={() => app.bisector.mark("bad")}>
          Bad <kbd>Shift+G</kbd>
        </button>
        {step !== null && <GoThere app={app} step={step} />}
        <button type="button" class="tool" onClick={() => app.bisector.stop()}>
          Stop<span class="sr-only"> bisecting</span>
        </button>
      </div>
      <p class="hint">
        Assumes one turn from good to bad{ofNode(app)}. Where the state may turn more than once, a
        query finds every one of them.
      </p>
    </section>
  );
}

function ofNode({ choices }: App): string {
  const node = choices.selectedNode.value;
  return node === null ? "" : `, by a change of ${node}`;
}

function boundsWords(good: Hlc | null, bad: Hlc | null): string {
  const at = (t: Hlc | null) => (t === null ? "not marked" : clockText(t));
  return `good: ${at(good)}, bad: ${at(bad)}.`;
}

function waitWords(good: Hlc | null, bad: Hlc | null): string {
  if (bad === null) return "Go to a later cut that is bad, and mark it.";
  return good === null ? "Go to an earlier cut that is good, and mark it." : "Counting…";
}

function Step({ step }: { readonly step: BisectStep }): JSX.Element {
  const { remaining, proposal, turnAt, turn } = step;
  if (proposal !== null) {
    return (
      <>
        {plural(remaining, "change")} left, about {countText(Math.ceil(Math.log2(remaining)))} more
        answers. Is the state good or bad at {clockText(proposal)}?
      </>
    );
  }
  if (turnAt === null) return <>No change lies between them.</>;
  const more = turn.length - MAX_NAMED;
  return (
    <>
      One change is left: at {clockText(turnAt)}{" "}
      {turn
        .slice(0, MAX_NAMED)
        .map((line) => `${line.node}: ${describeEvent(line)}`)
        .join("; ")}
      {more > 0 ? ` and ${plural(more, "more")}` : ""}.
    </>
  );
}

/** Back to the proposal after a look around; or on to the event that is the turn. */
function GoThere({ app, step }: { readonly app: App; readonly step: BisectStep }) {
  const { proposal, turn, turnAt } = step;
  const [line] = turn;
  if (line !== undefined) {
    const { node, epoch, seq } = line;
    const select = () => app.verbs.selectEvent({ node, epoch, seq, t: ticksOf(line.t) });
    return (
      <button type="button" class="primary" onClick={select}>
        Show the change
      </button>
    );
  }
  const to = proposal ?? turnAt;
  if (to === null || to === app.choices.cut.value) return null;
  return (
    <button type="button" class="tool" onClick={() => app.verbs.moveCut(to, true)}>
      To {clockText(to)}
    </button>
  );
}
