/**
 * The rarer kinds on the wire, in event order:
 *
 *     mark        index of the text
 *     keyframe    log, count, (key, value)...             no key twice
 *     join        service, instance, count, (tag, text)...
 *     leave       nothing
 */
import type { EventBody, EventColumns } from "./batch.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { KindCode } from "./event.ts";
import type { Value } from "./value.ts";
import { badBatch, checkLimit, WIRE_LIMITS } from "./wire-limits.ts";
import type { EventIndexes } from "./wire-messages.ts";
import type { StringTable, StringTableWriter } from "./wire-strings.ts";
import { toWellFormed } from "./wire-strings.ts";
import { readCount, readValue, writeValue } from "./wire-values.ts";

export function writeRare(
  out: ByteWriter,
  strings: StringTableWriter,
  events: EventColumns,
  at: EventIndexes,
): void {
  for (const i of at) writeBody(out, strings, events.bodies[events.ref[i] as number] as EventBody);
}

function writeBody(out: ByteWriter, strings: StringTableWriter, body: EventBody): void {
  switch (body.kind) {
    case "mark":
      out.varint(strings.index(body.text));
      return;
    case "keyframe": {
      const state = distinct(body.state);
      out.varint(strings.name(body.log));
      out.varint(state.size);
      for (const [key, value] of state) {
        out.varint(strings.name(key));
        writeValue(out, strings, value);
      }
      return;
    }
    case "join": {
      const tags = distinct(new Map(Object.entries(body.tags)));
      checkLimit("tags of a node", tags.size, WIRE_LIMITS.tags);
      out.varint(strings.name(body.service));
      out.varint(strings.name(body.instance));
      out.varint(tags.size);
      for (const [tag, text] of tags) {
        out.varint(strings.name(tag));
        out.varint(strings.name(text));
      }
      return;
    }
    default:
      return;
  }
}

/** The same map, unless keys that UTF-8 cannot say must be changed: equal ones become one. */
function distinct<V>(map: ReadonlyMap<string, V>): ReadonlyMap<string, V> {
  const keys = [...map.keys()];
  if (keys.every((key) => toWellFormed(key) === key)) return map;
  return new Map([...map].map(([key, value]) => [toWellFormed(key), value]));
}

export function readRare(
  reader: ByteReader,
  strings: StringTable,
  into: EventBody[],
  events: EventColumns,
  at: EventIndexes,
): void {
  for (const i of at) {
    into[events.ref[i] as number] = readBody(reader, strings, events.kind[i] as number);
  }
}

function readBody(reader: ByteReader, strings: StringTable, code: number): EventBody {
  switch (code) {
    case KindCode.mark:
      return { kind: "mark", text: strings.text(reader.varint()) };
    case KindCode.keyframe: {
      const log = strings.name(reader.varint());
      const count = readCount(reader);
      const state = new Map<string, Value>();
      for (let k = 0; k < count; k += 1) {
        const key = strings.name(reader.varint());
        state.set(key, readValue(reader, strings));
      }
      if (state.size !== count) badBatch("a keyframe with a key twice");
      return { kind: "keyframe", log, state };
    }
    case KindCode.join: {
      const service = strings.name(reader.varint());
      const instance = strings.name(reader.varint());
      const count = readCount(reader);
      checkLimit("tags of a node", count, WIRE_LIMITS.tags);
      const tags = Object.create(null) as Record<string, string>;
      for (let k = 0; k < count; k += 1) {
        const tag = strings.name(reader.varint());
        if (tag in tags) badBatch("a tag twice");
        tags[tag] = strings.name(reader.varint());
      }
      return { kind: "join", service, tags, instance };
    }
    default:
      return { kind: "leave" };
  }
}
