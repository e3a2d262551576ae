/**
 * One event line (collector/interop/README.md has the format) as what it means, or the reason why it means nothing.
 * What it means together with the other lines of its file is worked out in event-lines.ts.
 */
import { DROP_REASONS, type DropReason, type EventBody } from "./batch.ts";
import { ByteWriter } from "./byte-writer.ts";
import { KindCode } from "./event.ts";
import {
  type Fields,
  isName,
  readFlag,
  readName,
  readNullable,
  readWhole,
  refuse,
} from "./event-line-fields.ts";
import { readRequest } from "./event-line-requests.ts";
import { type FileStamp, readStamp } from "./event-line-stamps.ts";
import { fromJsonForm, type Json, type Value, ValueSet } from "./value.ts";
import { WIRE_LIMITS } from "./wire-limits.ts";
import { StringTableWriter } from "./wire-strings.ts";
import { writeValue } from "./wire-values.ts";

/** A line longer than this many UTF-16 units is not read. */
export const MAX_LINE_LENGTH: number = 4 * 1024 * 1024;

/** How messages of a file travelled, unless the line says. */
const IMPORT_CHANNEL = "import";

export type LineContent =
  | {
      readonly kind: "change";
      readonly code: number;
      readonly log: string;
      readonly key: string;
      readonly value: Value | undefined;
      readonly isCutShort: boolean;
    }
  | { readonly kind: "body"; readonly body: EventBody }
  | { readonly kind: "send"; readonly body: EventBody & { readonly kind: "send" } }
  | {
      readonly kind: "receive";
      readonly body: EventBody & { readonly kind: "receive" };
      /** Node id of the sender, where the line says. */
      readonly from: string | null;
      /** Our own id of the send, beside a foreign one. */
      readonly send: string | null;
    }
  | {
      readonly kind: "lost";
      readonly events: number;
      readonly from: FileStamp | null;
      readonly logs: readonly string[] | null;
      readonly messages: boolean;
      readonly reason: DropReason;
    }
  | { readonly kind: "closed" };

export interface ParsedLine {
  readonly node: string;
  readonly service: string | undefined;
  readonly epoch: number | undefined;
  readonly seq: number | undefined;
  readonly stamp: FileStamp;
  readonly content: LineContent;
  /** Why the line could not be read; its event is then declared lost (`content`). */
  readonly reason: string | undefined;
}

/**
 * Reads a line. A line that says which node and when, but not what, counts as one lost event with a
 * reason; of any other bad line only the reason comes back.
 */
export function parseEventLine(text: string): ParsedLine | { readonly reason: string } {
  try {
    const fields = readObject(text);
    const node = readName(fields, "node", WIRE_LIMITS.nodeBytes);
    if (node === "") refuse("node is empty");
    const stamp = readStamp(fields["t"]) ?? refuse("t is not a time");
    const start = {
      node,
      service: fields["service"] === undefined ? undefined : readName(fields, "service"),
      epoch: readWhole(fields, "epoch", 0),
      seq: readWhole(fields, "seq", 1),
      stamp,
    };
    try {
      return { ...start, content: readContent(fields, start.service ?? node), reason: undefined };
    } catch (error) {
      return { ...start, content: lostInstead(fields), reason: reasonOf(error) };
    }
  } catch (error) {
    return { reason: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : "cannot be read";
}

function readObject(text: string): Fields {
  if (text.length > MAX_LINE_LENGTH) refuse("the line is too long");
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch {
    return refuse("not JSON");
  }
  if (json === null || typeof json !== "object" || Array.isArray(json)) refuse("not an object");
  return json as Fields;
}

function readContent(fields: Fields, service: string): LineContent {
  const kind = fields["kind"];
  switch (kind) {
    case "set":
    case "delete":
    case "add":
    case "remove":
      return readChange(fields, kind);
    case "send":
      return { kind, body: readSend(fields) };
    case "receive":
      return readReceive(fields);
    case "lost":
      return readLost(fields);
    case "closed":
      return { kind };
    default:
      return { kind: "body", body: readBody(fields, service) };
  }
}

function readChange(fields: Fields, kind: "set" | "delete" | "add" | "remove"): LineContent {
  const name = { log: readName(fields, "log"), key: readName(fields, "key") };
  const code = KindCode[kind];
  if (kind === "delete")
    return { kind: "change", code, ...name, value: undefined, isCutShort: false };
  const value = readValueForm(fields["value"]);
  if (kind !== "set" && value instanceof ValueSet) refuse("a set inside a set");
  return { kind: "change", code, ...name, value, isCutShort: readFlag(fields, "cutShort") };
}

function readBody(fields: Fields, service: string): EventBody {
  switch (fields["kind"]) {
    case "request":
      return readRequest(fields);
    case "mark":
      return { kind: "mark", text: readName(fields, "text", WIRE_LIMITS.stringBytes) };
    case "keyframe":
      return { kind: "keyframe", log: readName(fields, "log"), state: readState(fields["state"]) };
    case "join":
      return {
        kind: "join",
        service,
        tags: readTags(fields["tags"]),
        instance: readNullable(fields, "instance") ?? IMPORT_CHANNEL,
      };
    case "leave":
      return { kind: "leave" };
    default:
      return refuse(`unknown kind ${JSON.stringify(fields["kind"] ?? null).slice(0, 40)}`);
  }
}

function readSend(fields: Fields): EventBody & { readonly kind: "send" } {
  return {
    kind: "send",
    channel: readNullable(fields, "channel") ?? IMPORT_CHANNEL,
    to: readNullable(fields, "to"),
    peer: readNullable(fields, "peer"),
    id: readNullable(fields, "id"),
    replaces: readWhole(fields, "replaces", 1) ?? null,
    failed: readFlag(fields, "failed"),
    streamed: readFlag(fields, "streamed"),
  };
}

function readReceive(fields: Fields): LineContent {
  const sentT = fields["sentT"] === undefined ? null : readStamp(fields["sentT"]);
  if (sentT === undefined) refuse("sentT is not a time");
  return {
    kind: "receive",
    from: readNullable(fields, "from"),
    send: readNullable(fields, "send"),
    body: {
      kind: "receive",
      channel: readNullable(fields, "channel") ?? IMPORT_CHANNEL,
      from: null,
      sentT: sentT?.t ?? null,
      peer: readNullable(fields, "peer"),
      id: readNullable(fields, "id"),
      unverified: readFlag(fields, "unverified"),
      relayed: readFlag(fields, "relayed"),
    },
  };
}

function readLost(fields: Fields): LineContent {
  const events = readWhole(fields, "events", 1) ?? refuse("events is missing");
  const from = fields["from"] === undefined ? null : readStamp(fields["from"]);
  if (from === undefined) refuse("from is not a time");
  const logs = fields["logs"] ?? null;
  if (logs !== null && !Array.isArray(logs)) refuse("logs is not a list");
  const reason = DROP_REASONS.find((known) => known === (fields["reason"] ?? "overflow"));
  return {
    kind: "lost",
    events,
    from,
    logs: logs?.map((_, i) => readName(logs as unknown as Fields, String(i))) ?? null,
    messages: fields["messages"] === undefined || readFlag(fields, "messages"),
    reason: reason ?? refuse("reason is unknown"),
  };
}

/** What a line stands for that is known to be an event, but not which. */
function lostInstead(fields: Fields): LineContent {
  const { kind, log } = fields;
  const isChange = kind === "set" || kind === "delete" || kind === "add" || kind === "remove";
  const names = (isChange || kind === "keyframe") && typeof log === "string" && isName(log);
  const logs = names ? [log] : null;
  return { kind: "lost", events: 1, from: null, logs, messages: logs === null, reason: "refused" };
}

function readTags(json: Json | undefined): Record<string, string> {
  const tags = Object.create(null) as Record<string, string>;
  if (json === undefined || json === null) return tags;
  if (typeof json !== "object" || Array.isArray(json)) return refuse("tags is not an object");
  for (const tag of Object.keys(json)) tags[tag] = readName(json as Fields, tag);
  return Object.keys(tags).every((tag) => isName(tag)) &&
    Object.keys(tags).length <= WIRE_LIMITS.tags
    ? tags
    : refuse("tags are too many or too long");
}

function readState(json: Json | undefined): Map<string, Value> {
  if (json === undefined || json === null || typeof json !== "object" || Array.isArray(json)) {
    return refuse("state is not an object");
  }
  const entries = Object.entries(json as Fields);
  if (!entries.every(([key]) => isName(key))) refuse("a key of state is too long");
  return new Map(entries.map(([key, form]) => [key, readValueForm(form)] as const));
}

const scratch = {
  out: new ByteWriter(),
  texts: new ByteWriter(),
  strings: new StringTableWriter(),
};

/** The value of a JSON form, if it is one that the wire can carry. */
function readValueForm(form: Json | undefined): Value {
  if (form === undefined) return refuse("value is missing");
  const { out, texts, strings } = scratch;
  try {
    const value = fromJsonForm(form);
    writeValue(out, strings, value);
    strings.writeTo(out, texts);
    return value;
  } finally {
    out.clear();
    texts.clear();
    strings.clear();
  }
}
