/**
 * One event as `/api/events` gives it: an event line (design section 6) with epoch and seq, and its
 * time as H. What export writes and import reads is the same line with the time as text.
 */
import {
  type EventRef,
  type Json,
  messageId,
  type RetroEvent,
  toJsonForm,
  type Value,
} from "../../agent/kernel/index.ts";
import type { NodeEvent } from "../cut/history.ts";
import type { EventLineJson } from "./shapes.ts";
import { hJson } from "./time-json.ts";

export function eventLineJson({ node, service, epoch, event }: NodeEvent): EventLineJson {
  const { seq, t, kind } = event;
  const ref = { node, epoch, seq };
  return { node, service, epoch, seq, t: hJson(t), kind, ...fieldsOf(event, ref) } as EventLineJson;
}

type Fields = { readonly [field: string]: Json };

function fieldsOf(event: RetroEvent, ref: EventRef): Fields {
  switch (event.kind) {
    case "set":
    case "add":
    case "remove": {
      const { log, key, value } = event;
      const cutShort: Fields = event.cutShort === true ? { cutShort: true } : {};
      return { log, key, value: toJsonForm(value), ...cutShort };
    }
    case "delete":
      return { log: event.log, key: event.key };
    case "keyframe":
      return { log: event.log, state: stateForm(event.state) };
    case "send": {
      const { to, peer, channel, replaces, failed, streamed } = event;
      const rare: Fields = {
        ...(replaces === null ? {} : { replaces }),
        ...(failed ? { failed } : {}),
        ...(streamed ? { streamed } : {}),
      };
      return { id: event.id ?? messageId(ref), to, ...known({ peer }), channel, ...rare };
    }
    case "receive": {
      const { from, peer, channel, unverified, relayed } = event;
      const id = event.id ?? (from === null ? null : messageId(from));
      const rare: Fields = {
        ...(unverified ? { unverified } : {}),
        ...(relayed ? { relayed } : {}),
      };
      return { ...known({ id }), from: from?.node ?? null, ...known({ peer }), channel, ...rare };
    }
    case "request": {
      const { operation, residenceUs, calls, waits, outcome } = event;
      return {
        operation,
        residenceUs,
        calls: plainCalls(calls),
        waits: plainCalls(waits),
        outcome,
      };
    }
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

function plainCalls(calls: readonly { to: string; startUs: number; us: number }[]): Json {
  return calls.map(({ to, startUs, us }) => ({ to, startUs, us }));
}

/** The fields that are not null. */
function known(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}
