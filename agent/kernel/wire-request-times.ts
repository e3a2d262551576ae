/**
 * What requests say beyond wire-requests.ts, in batches with the flag for it; a column per field. A batch none
 * of whose requests says any of it is written as by a writer that does not know it.
 *
 *     arrived                            t - arrived + 1; 0: absent, here and below
 *     lead, derived                      zigzag + 1; a byte, 0 or 1
 *     calls: send, lead                  its seq, from 1; zigzag + 1
 *            first byte                  + 1
 *            operation, outcome          index of the name + 1
 *     waits: kind, downstream            1 pool, 2 lock; index of the name + 1
 */
import type { EventBody, EventColumns } from "./batch.ts";
import { type ByteReader, unzigzag } from "./byte-reader.ts";
import { type ByteWriter, zigzag } from "./byte-writer.ts";
import type { DownstreamCall, RequestEvent, RequestWait } from "./event.ts";
import type { Hlc } from "./hlc.ts";
import { checkStamp } from "./wire-header.ts";
import { badBatch } from "./wire-limits.ts";
import { bodiesAt, type EventIndexes } from "./wire-messages.ts";
import { wholeUs } from "./wire-requests.ts";
import type { StringTable, StringTableWriter } from "./wire-strings.ts";
import { INTEGER_BOUND } from "./wire-values.ts";

type Request = Omit<RequestEvent, "seq" | "t">;
const WAIT_KINDS = ["pool", "lock"] as const;

/** Whether a body is a request that says more than wire-requests.ts can. */
export function isTimedRequest(body: EventBody): boolean {
  if (body.kind !== "request") return false;
  const { arrived, leadUs, derived, calls, waits } = body;
  return (
    arrived !== undefined ||
    leadUs !== undefined ||
    derived !== undefined ||
    calls.some(saysMore) ||
    waits.some(({ kind, downstream }) => kind !== undefined || downstream !== undefined)
  );
}

function saysMore(call: DownstreamCall): boolean {
  return (
    call.sendSeq !== undefined ||
    call.leadUs !== undefined ||
    call.firstByteUs !== undefined ||
    call.operation !== undefined ||
    call.outcome !== undefined
  );
}

export function writeRequestTimes(
  out: ByteWriter,
  strings: StringTableWriter,
  events: EventColumns,
  at: EventIndexes,
): void {
  const requests = bodiesAt<Request>(events, at);
  requests.forEach(({ arrived }, j) => {
    if (arrived !== undefined) checkStamp(arrived);
    writeOptional(out, arrived, (stamp) => (events.t[at[j] as number] as number) - stamp);
  });
  for (const { leadUs } of requests) writeOptional(out, leadUs, signed);
  for (const { derived } of requests) out.byte(derived === true ? 1 : 0);
  const calls = requests.flatMap((request) => request.calls);
  for (const { sendSeq } of calls) out.varint(sendSeq === undefined ? 0 : sendOf(sendSeq));
  for (const { leadUs } of calls) writeOptional(out, leadUs, signed);
  for (const { firstByteUs } of calls) writeOptional(out, firstByteUs, wholeUs);
  for (const { operation } of calls) writeOptional(out, operation, (name) => strings.name(name));
  for (const { outcome } of calls) writeOptional(out, outcome, (name) => strings.name(name));
  const waits = requests.flatMap((request) => request.waits);
  for (const { kind } of waits) out.byte(kind === undefined ? 0 : WAIT_KINDS.indexOf(kind) + 1);
  for (const { downstream } of waits) {
    writeOptional(out, downstream, (name) => strings.name(name));
  }
}

function writeOptional<Field>(
  out: ByteWriter,
  field: Field | undefined,
  numberOf: (field: Field) => number,
): void {
  if (field === undefined) {
    out.varint(0);
    return;
  }
  const number = numberOf(field);
  if (!Number.isSafeInteger(number + 1) || number < 0)
    badBatch("a request with an impossible time");
  out.varint(number + 1);
}

function sendOf(sendSeq: number): number {
  if (!Number.isSafeInteger(sendSeq) || sendSeq < 1) badBatch("a call without its send");
  return sendSeq;
}

/** Leads are rounded to whole microseconds, as durations are. */
function signed(value: number): number {
  const whole = Math.round(value);
  if (!(Math.abs(whole) < INTEGER_BOUND)) badBatch("a request with a number out of range");
  return zigzag(whole);
}

/** Completes the requests that wire-requests.ts has read. */
export function readRequestTimes(
  reader: ByteReader,
  strings: StringTable,
  into: EventBody[],
  events: EventColumns,
  at: EventIndexes,
): void {
  const requests = bodiesAt<Request>(events, at);
  const arrivals = reader.column(requests.length);
  const leads = reader.column(requests.length);
  const derived = readCodes(reader, requests.length, 1);
  const callCount = requests.reduce((sum, { calls }) => sum + calls.length, 0);
  const [sends, callLeads, firstBytes, operations, outcomes] = [0, 1, 2, 3, 4].map(() =>
    reader.column(callCount),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
  const waitCount = requests.reduce((sum, { waits }) => sum + waits.length, 0);
  const kinds = readCodes(reader, waitCount, WAIT_KINDS.length);
  const downstreams = reader.column(waitCount);
  let call = 0;
  let wait = 0;
  let isAnyTimed = false;
  requests.forEach((request, j) => {
    const i = at[j] as number;
    const calls = request.calls.map((bare): DownstreamCall => {
      const timed: { -readonly [Field in keyof DownstreamCall]: DownstreamCall[Field] } = {
        ...bare,
      };
      const k = call++;
      if (sends[k] !== 0) timed.sendSeq = sends[k] as number;
      if (callLeads[k] !== 0) timed.leadUs = signedOf(callLeads[k] as number);
      if (firstBytes[k] !== 0) timed.firstByteUs = (firstBytes[k] as number) - 1;
      if (operations[k] !== 0) timed.operation = strings.name((operations[k] as number) - 1);
      if (outcomes[k] !== 0) timed.outcome = strings.name((outcomes[k] as number) - 1);
      return timed;
    });
    const waits = request.waits.map((bare): RequestWait => {
      const k = wait++;
      const kind = WAIT_KINDS[(kinds[k] as number) - 1];
      const downstream = downstreams[k] as number;
      return {
        ...bare,
        ...(kind === undefined ? {} : { kind }),
        ...(downstream === 0 ? {} : { downstream: strings.name(downstream - 1) }),
      };
    });
    const arrived = arrivals[j] as number;
    const lead = leads[j] as number;
    const body: Request = {
      ...{ ...request, calls, waits },
      ...(arrived === 0 ? {} : { arrived: arrivedOf(events.t[i] as number, arrived) }),
      ...(lead === 0 ? {} : { leadUs: signedOf(lead) }),
      ...(derived[j] === 1 ? { derived: true as const } : {}),
    };
    into[events.ref[i] as number] = body;
    isAnyTimed ||= isTimedRequest(body);
  });
  if (!isAnyTimed) badBatch("times announced, but none");
}

function readCodes(reader: ByteReader, count: number, max: number): Uint8Array {
  reader.need(count);
  const codes = reader.bytes.subarray(reader.pos, reader.pos + count);
  reader.pos += count;
  if (codes.some((code) => code > max)) badBatch("a request with an unknown code");
  return codes;
}

function arrivedOf(t: number, code: number): Hlc {
  const arrived = t - (code - 1);
  checkStamp(arrived);
  return arrived as Hlc;
}

function signedOf(code: number): number {
  const value = unzigzag(code - 1);
  if (!(Math.abs(value) < INTEGER_BOUND)) badBatch("a request with a number out of range");
  return value;
}
