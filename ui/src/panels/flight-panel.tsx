/** In flight: messages sent inside the cut and not received inside it, oldest first. */
import type { JSX } from "preact";
import type { CutJson } from "../../../collector/api/shapes.ts";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import { flightDoubt } from "../model/reasons.ts";
import { clockText, durationText, plural } from "../scale/time-words.ts";
import { messageKey } from "../view/scenes.ts";

const MAX_ROWS = 500;

type Message = CutJson["inFlight"][number];

export function FlightPanel({ app }: { readonly app: App }): JSX.Element {
  const shown = app.answers.cut.answered.value?.answer;
  if (shown === undefined) return <p class="hint">Asking for the cut…</p>;
  const { json, at } = shown;
  const messages = [...json.inFlight].sort((a, b) => (a.sentAt.hlc < b.sentAt.hlc ? -1 : 1));
  const doubt = flightDoubt(json);
  const isStale = at !== app.choices.cut.value;
  return (
    <div class="flight" data-stale={isStale} aria-busy={isStale}>
      <div class="panel-title">
        <h2>In flight at {clockText(at)}</h2>
      </div>
      <p class="hint">
        {messages.length === 0
          ? "No message was under way."
          : `${plural(json.totals?.inFlight ?? messages.length, "message")}, oldest first.`}
        {doubt !== undefined && ` Perhaps not all: ${doubt}.`}
        {!json.consistent && <span class="sign warn">inconsistent</span>}
      </p>
      {messages.length > 0 && (
        <table class="messages">
          <caption class="sr-only">Messages in flight</caption>
          <thead>
            <tr>
              <th scope="col">Message</th>
              <th scope="col">Sent</th>
              <th scope="col">Age</th>
            </tr>
          </thead>
          <tbody>
            {messages.slice(0, MAX_ROWS).map((message) => (
              <Row key={message.id} app={app} message={message} at={at} />
            ))}
          </tbody>
        </table>
      )}
      {messages.length > MAX_ROWS && (
        <p class="hint">{plural(messages.length - MAX_ROWS, "more message")}.</p>
      )}
    </div>
  );
}

function Row({
  app,
  message,
  at,
}: {
  readonly app: App;
  readonly message: Message;
  readonly at: number;
}): JSX.Element {
  const sentAt = ticksOf(message.sentAt);
  const light = (on: boolean) => {
    app.litMessage.value = on ? messageKey(message.from, message.to, message.sentAt.hlc) : null;
  };
  return (
    <tr onMouseEnter={() => light(true)} onMouseLeave={() => light(false)}>
      <th scope="row">
        <button
          type="button"
          class="link"
          title={`${message.id}: go to its send`}
          onFocus={() => light(true)}
          onBlur={() => light(false)}
          onClick={() => goToSend(app, message)}
        >
          {message.from} → {message.to ?? message.peer ?? "unknown"}
        </button>
      </th>
      <td>{clockText(sentAt)}</td>
      <td class="number">{durationText(at - sentAt)}</td>
    </tr>
  );
}

/** Our own ids name the send event; a foreign id only has a time. */
function goToSend(app: App, message: Message): void {
  const t = ticksOf(message.sentAt);
  app.verbs.moveCut(t, true);
  const name = /^(.+)\/(\d+)\/(\d+)$/.exec(message.id);
  if (name !== null && name[1] === message.from) {
    app.verbs.selectEvent(
      { node: message.from, epoch: Number(name[2]), seq: Number(name[3]), t },
      true,
    );
  }
}
