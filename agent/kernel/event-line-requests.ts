/** Requests in event lines: their fields as they are named in event.ts; what a request does not say is left out. */
import type { EventBody } from "./batch.ts";
import type { DownstreamCall, RequestEvent, RequestWait } from "./event.ts";
import {
  type Fields,
  readFlag,
  readName,
  readNullable,
  readWhole,
  refuse,
} from "./event-line-fields.ts";
import { readStamp } from "./event-line-stamps.ts";
import { formatHlc, type Hlc } from "./hlc.ts";
import type { Json } from "./value.ts";
import { WIRE_LIMITS } from "./wire-limits.ts";
import { INTEGER_BOUND } from "./wire-values.ts";

/** What a line says of a request. */
export function requestFields(event: RequestEvent): Fields {
  const { operation, residenceUs, outcome, arrived, leadUs, derived } = event;
  return {
    operation,
    residenceUs,
    calls: event.calls.map(callFields),
    waits: event.waits.map(({ to, startUs, us, kind, downstream }) =>
      said({ to, startUs, us, kind, downstream }),
    ),
    outcome,
    ...said({ arrived: arrived && formatHlc(arrived), leadUs, derived }),
  };
}

function callFields(call: DownstreamCall): Fields {
  const { to, startUs, us, operation, sendSeq, leadUs, firstByteUs, outcome } = call;
  return said({ to, startUs, us, operation, sendSeq, leadUs, firstByteUs, outcome });
}

function said(fields: { readonly [field: string]: Json | undefined }): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Fields;
}

/** The request that a line says. */
export function readRequest(fields: Fields): EventBody {
  const residenceUs = readUs(fields, "residenceUs");
  const calls = listOf(fields, "calls").map(readCall);
  const waits = listOf(fields, "waits").map(readWait);
  const operation = readName(fields, "operation");
  const outcome = fields["outcome"] === undefined ? "ok" : readName(fields, "outcome");
  const arrived = fields["arrived"] === undefined ? undefined : readArrived(fields);
  const leadUs = readLead(fields);
  return {
    ...{ kind: "request", operation, residenceUs, outcome, calls, waits },
    ...(arrived === undefined ? {} : { arrived }),
    ...(leadUs === undefined ? {} : { leadUs }),
    ...(readFlag(fields, "derived") ? { derived: true as const } : {}),
  };
}

/**
 * A request without what it says of its arrival, if that cannot be true of an event at `t`: later, or many years
 * before. Stamps of imported lines are settled after they are read.
 */
export function withPossibleArrival(body: EventBody, t: Hlc): EventBody {
  if (body.kind !== "request" || body.arrived === undefined) return body;
  if (body.arrived <= t && t - body.arrived < INTEGER_BOUND) return body;
  const { arrived: _, leadUs: __, ...rest } = body;
  return rest;
}

function readCall(one: Fields): DownstreamCall {
  const sendSeq = readWhole(one, "sendSeq", 1);
  const leadUs = readLead(one);
  return {
    ...readInterval(one),
    ...(one["operation"] === undefined ? {} : { operation: readName(one, "operation") }),
    ...(sendSeq === undefined ? {} : { sendSeq }),
    ...(leadUs === undefined ? {} : { leadUs }),
    ...(one["firstByteUs"] === undefined ? {} : { firstByteUs: readUs(one, "firstByteUs") }),
    ...(one["outcome"] === undefined ? {} : { outcome: readName(one, "outcome") }),
  };
}

function readWait(one: Fields): RequestWait {
  const kind = one["kind"];
  if (kind !== undefined && kind !== "pool" && kind !== "lock") refuse("kind is no wait's");
  const downstream = readNullable(one, "downstream");
  return {
    ...readInterval(one),
    ...(kind === undefined ? {} : { kind }),
    ...(downstream === null ? {} : { downstream }),
  };
}

function readInterval(one: Fields): Pick<DownstreamCall, "to" | "startUs" | "us"> {
  return { to: readName(one, "to"), startUs: readUs(one, "startUs"), us: readUs(one, "us") };
}

function listOf(fields: Fields, field: "calls" | "waits"): Fields[] {
  const list = fields[field] ?? [];
  if (!Array.isArray(list)) return refuse(`${field} is not a list`);
  if (list.length > WIRE_LIMITS.callsPerRequest) refuse(`${field} is too long`);
  return list.map((one: Json) =>
    one === null || typeof one !== "object" ? refuse(`${field} holds no objects`) : (one as Fields),
  );
}

function readArrived(fields: Fields): Hlc {
  return readStamp(fields["arrived"])?.t ?? refuse("arrived is not a time");
}

function readLead(fields: Fields): number | undefined {
  const lead = fields["leadUs"];
  if (lead === undefined) return undefined;
  if (Number.isSafeInteger(lead) && Math.abs(lead as number) < INTEGER_BOUND) return lead as number;
  return refuse("leadUs is not a number of microseconds");
}

function readUs(fields: Fields, field: string): number {
  const us = Math.round(Number(fields[field] ?? Number.NaN));
  if (typeof fields[field] === "number" && Number.isSafeInteger(us) && us >= 0) return us;
  return refuse(`${field} is not a duration in microseconds`);
}
