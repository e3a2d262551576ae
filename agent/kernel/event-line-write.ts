/** Event lines, written: the open form of history that `event-lines.ts` reads back. */
import type { LostRange } from "./batch.ts";
import { type EventRef, messageId, type RetroEvent } from "./event.ts";
import { requestFields } from "./event-line-requests.ts";
import { formatHlc, type Hlc } from "./hlc.ts";
import { type Json, toJsonForm, type Value } from "./value.ts";

/** An event with its node. */
export interface EventLineSource {
  readonly node: string;
  readonly service: string;
  readonly epoch: number;
  readonly event: RetroEvent;
}

export interface EventLineOptions {
  /**
   * Whether the line carries epoch and seq. Default: yes. Without them an import makes its own, from
   * 1 on: what a ranged export wants, whose first seqs would be a hole. Message ids stay.
   */
  readonly withIdentity?: boolean;
}

type Fields = { readonly [field: string]: Json };

/**
 * One line, without its line break; `t` in the hex form.
 * @example
 * eventLine({ node: "n1", service: "kv", epoch: 1, event: { seq: 1, t, kind: "mark", text: "hi" } });
 * // {"node":"n1","service":"kv","epoch":1,"seq":1,"t":"01a1fed600000000","kind":"mark","text":"hi"}
 */
export function eventLine(source: EventLineSource, options: EventLineOptions = {}): string {
  const { node, service, epoch, event } = source;
  const { seq, t, kind } = event;
  const identity = options.withIdentity === false ? {} : { epoch, seq };
  const fields = eventLineFields(event, { node, epoch, seq });
  return JSON.stringify({ node, service, ...identity, t: formatHlc(t), kind, ...fields });
}

/** The line of a lost range: `events` events, the first of them no earlier than `from`. */
export function lostLine(
  source: Omit<EventLineSource, "event">,
  range: LostRange,
  options: EventLineOptions = {},
): string {
  const { node, service, epoch } = source;
  const { firstSeq, lastSeq, firstT, lastT, logs, messages, reason } = range;
  const identity = options.withIdentity === false ? {} : { epoch, seq: firstSeq };
  return JSON.stringify({
    node,
    service,
    ...identity,
    t: formatHlc(lastT),
    kind: "lost",
    events: lastSeq - firstSeq + 1,
    from: formatHlc(firstT),
    ...(logs === null ? {} : { logs }),
    messages,
    reason,
  });
}

/** The line that says: of this node nothing at or before `t` is missing but what the file shows. */
export function closedLine(
  source: Omit<EventLineSource, "event">,
  t: Hlc,
  options: EventLineOptions = {},
): string {
  const { node, service, epoch } = source;
  const identity = options.withIdentity === false ? {} : { epoch };
  return JSON.stringify({ node, service, ...identity, t: formatHlc(t), kind: "closed" });
}

/** What a line says beside node, service, epoch, seq, t and kind. What is null or false is left out. */
export function eventLineFields(event: RetroEvent, ref: EventRef): Fields {
  switch (event.kind) {
    case "set":
    case "add":
    case "remove": {
      const { log, key, value, cutShort } = event;
      return { log, key, value: toJsonForm(value), ...known({ cutShort: cutShort ?? null }) };
    }
    case "delete":
      return { log: event.log, key: event.key };
    case "keyframe":
      return { log: event.log, state: stateForm(event.state) };
    case "send": {
      const { id, to, peer, channel, replaces, failed, streamed } = event;
      const rare = { peer, channel, replaces, failed, streamed };
      return { id: id ?? messageId(ref), to, ...known(rare) };
    }
    case "receive": {
      const { id, from, sentT, peer, channel, unverified, relayed } = event;
      const send = from === null ? null : messageId(from);
      return {
        ...known({ id: id ?? send }),
        from: from?.node ?? null,
        ...known({
          send: id === null ? null : send,
          sentT: sentT === null ? null : formatHlc(sentT),
          peer,
          channel,
          unverified,
          relayed,
        }),
      };
    }
    case "request":
      return requestFields(event);
    case "mark":
      return { text: event.text };
    case "join":
      return { tags: { ...event.tags }, instance: event.instance };
    case "leave":
      return {};
  }
}

function stateForm(state: ReadonlyMap<string, Value>): Fields {
  const form = Object.create(null) as { [key: string]: Json };
  for (const [key, value] of state) form[key] = toJsonForm(value);
  return form;
}

function known(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== null && value !== false),
  );
}
