/**
 * Requests on the wire, a column per field; the calls of all requests follow each other.
 *
 *     operation, outcome         indexes of the names
 *     residenceUs                whole microseconds
 *     calls, waits               how many of each
 *     to, startUs, us            of all calls, then of all waits
 *
 * Durations travel as whole microseconds: what is finer is noise of the clock, and is rounded. What else a
 * request may say follows: wire-request-times.ts.
 */
import type { EventBody, EventColumns } from "./batch.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { DownstreamCall, RequestEvent } from "./event.ts";
import { badBatch, checkLimit, WIRE_LIMITS } from "./wire-limits.ts";
import { bodiesAt, type EventIndexes } from "./wire-messages.ts";
import type { StringTable, StringTableWriter } from "./wire-strings.ts";

type Request = Omit<RequestEvent, "seq" | "t">;

export function writeRequests(
  out: ByteWriter,
  strings: StringTableWriter,
  events: EventColumns,
  at: EventIndexes,
): void {
  const requests = bodiesAt<Request>(events, at);
  for (const request of requests) out.varint(strings.name(request.operation));
  for (const request of requests) out.varint(strings.name(request.outcome));
  for (const request of requests) out.varint(wholeUs(request.residenceUs));
  for (const { calls } of requests) out.varint(calls.length);
  for (const { waits } of requests) out.varint(waits.length);
  writeCalls(out, strings, requests, "calls");
  writeCalls(out, strings, requests, "waits");
}

function writeCalls(
  out: ByteWriter,
  strings: StringTableWriter,
  requests: readonly Request[],
  field: "calls" | "waits",
): void {
  for (const request of requests) {
    checkLimit(`${field} of a request`, request[field].length, WIRE_LIMITS.callsPerRequest);
    for (const call of request[field]) out.varint(strings.name(call.to));
  }
  for (const request of requests) {
    for (const call of request[field]) out.varint(wholeUs(call.startUs));
  }
  for (const request of requests) for (const call of request[field]) out.varint(wholeUs(call.us));
}

/** Whole microseconds of a duration. @throws RetroError `bad-batch`: negative, not finite */
export function wholeUs(us: number): number {
  const whole = Math.round(us);
  if (!Number.isSafeInteger(whole) || whole < 0) badBatch(`a duration of ${us} microseconds`);
  return whole;
}

export function readRequests(
  reader: ByteReader,
  strings: StringTable,
  into: EventBody[],
  events: EventColumns,
  at: EventIndexes,
): void {
  const count = at.length;
  const operations = reader.column(count);
  const outcomes = reader.column(count);
  const residences = reader.column(count);
  const callCounts = reader.column(count);
  const waitCounts = reader.column(count);
  const calls = readCalls(reader, strings, callCounts);
  const waits = readCalls(reader, strings, waitCounts);
  for (let j = 0; j < count; j += 1) {
    into[events.ref[at[j] as number] as number] = {
      kind: "request",
      operation: strings.name(operations[j] as number),
      residenceUs: residences[j] as number,
      outcome: strings.name(outcomes[j] as number),
      calls: calls[j] as DownstreamCall[],
      waits: waits[j] as DownstreamCall[],
    };
  }
}

function readCalls(
  reader: ByteReader,
  strings: StringTable,
  counts: Float64Array,
): DownstreamCall[][] {
  let total = 0;
  for (const count of counts) {
    checkLimit("calls of a request", count, WIRE_LIMITS.callsPerRequest);
    total += count;
  }
  const to = reader.column(total);
  const starts = reader.column(total);
  const durations = reader.column(total);
  const lists = new Array<DownstreamCall[]>(counts.length);
  let next = 0;
  for (let j = 0; j < counts.length; j += 1) {
    const list: DownstreamCall[] = [];
    for (let left = counts[j] as number; left > 0; left -= 1) {
      list.push({
        to: strings.name(to[next] as number),
        startUs: starts[next] as number,
        us: durations[next] as number,
      });
      next += 1;
    }
    lists[j] = list;
  }
  return lists;
}
