/**
 * In flight: messages sent inside the cut and not received inside it, by channel, oldest first. A row
 * lights its line; Enter goes to its send.
 */
import type { JSX } from "preact";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import {
  type FlightChannel,
  type FlightMessage,
  flightChannels,
  sendNamed,
} from "../model/flight-rows.ts";
import { flightDoubt } from "../model/reasons.ts";
import { isInconsistent, orderWords } from "../model/shown-cut.ts";
import { clockText, countText, durationText, exactClockText, plural } from "../scale/time-words.ts";

const MAX_ROWS = 500;

export function FlightPanel({ app }: { readonly app: App }): JSX.Element {
  const shown = app.shownCut.value;
  if (shown === null) return <p class="hint">Asking for the cut…</p>;
  const { json, at } = shown;
  const channels = flightChannels(json.inFlight, MAX_ROWS);
  const total = json.totals?.inFlight ?? json.inFlight.length;
  const listed = channels.reduce((sum, { messages }) => sum + messages.length, 0);
  const doubt = flightDoubt(json);
  const isStale = at !== app.choices.cut.value;
  return (
    <div class="flight" data-stale={isStale} aria-busy={isStale}>
      <div class="panel-title">
        <h2>In flight at {clockText(at)}</h2>
      </div>
      <p class="hint">
        {total === 0
          ? "No message was under way."
          : `${plural(total, "message")} on ${plural(channels.length, "channel")}, oldest first.`}
        {doubt !== undefined && ` Perhaps not all: ${doubt}.`}
        {!json.consistent && (
          <span class={isInconsistent(shown) ? "sign warn" : "sign"}>{orderWords(shown)}</span>
        )}
      </p>
      {channels.length > 0 && (
        <table class="messages">
          <caption class="sr-only">Messages in flight, by channel</caption>
          <thead>
            <tr>
              <th scope="col">Sent</th>
              <th scope="col" class="number">
                Age
              </th>
              <th scope="col">Id</th>
            </tr>
          </thead>
          {channels.map((channel) => (
            <Channel key={`${channel.from}\n${channel.to}`} app={app} at={at} channel={channel} />
          ))}
        </table>
      )}
      {total > listed && <p class="hint">{plural(total - listed, "more message")}.</p>}
    </div>
  );
}

interface ChannelProps {
  readonly app: App;
  readonly at: number;
  readonly channel: FlightChannel;
}

function Channel({ app, at, channel }: ChannelProps): JSX.Element {
  const { from, to, messages, count } = channel;
  const hue = app.watch.facts.value?.nodes.find(({ node }) => node === from)?.hue ?? 0;
  return (
    <tbody>
      <tr class="channel">
        <th scope="rowgroup" colSpan={3}>
          <i class={`swatch hue-${hue}`} aria-hidden="true" /> {from} → {to}{" "}
          <span class="count">{countText(count)}</span>
        </th>
      </tr>
      {messages.map((message) => (
        <Row key={`${message.id} ${message.sentAt.hlc}`} app={app} message={message} at={at} />
      ))}
    </tbody>
  );
}

interface RowProps {
  readonly app: App;
  readonly message: FlightMessage;
  readonly at: number;
}

function Row({ app, message, at }: RowProps): JSX.Element {
  const { from, to, peer, sentAt, id } = message;
  const t = ticksOf(sentAt);
  const light = (on: boolean) => {
    app.litMessage.value = on ? { from, to, sentAt: t, receivedAt: null } : null;
  };
  return (
    <tr onMouseEnter={() => light(true)} onMouseLeave={() => light(false)}>
      <td>
        <button
          type="button"
          class="link"
          title={`${exactClockText(t)}: go to its send`}
          aria-label={`${from} → ${to ?? peer ?? "unknown"}, sent ${clockText(t)}: go to its send`}
          onFocus={() => light(true)}
          onBlur={() => light(false)}
          onClick={() => goToSend(app, message)}
        >
          {clockText(t)}
        </button>
      </td>
      <td class="number">{durationText(at - t)}</td>
      <td class="id">{id}</td>
    </tr>
  );
}

function goToSend(app: App, message: FlightMessage): void {
  const t = ticksOf(message.sentAt);
  const send = sendNamed(message);
  app.verbs.moveCut(t, true);
  if (send !== undefined) app.verbs.selectEvent({ ...send, t }, true);
}
