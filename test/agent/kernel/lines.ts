/** Lines of the event format in short, and what is read from them. */
import {
  type Batch,
  decodeBatch,
  encodeBatch,
  eventsOf,
  formatHlc,
  type Hlc,
  type RetroEvent,
  readEventLines,
} from "../../../agent/kernel/index.ts";

/** 2026-11-21T16:00:00Z. */
export const T: Hlc = 890_634_240_000_000 as Hlc;

/** Of runs that lines do not name. */
export const EPOCH = 77;

export function read(lines: readonly (string | object)[]): ReturnType<typeof readEventLines> {
  const texts = lines.map((one) => (typeof one === "string" ? one : JSON.stringify(one)));
  return readEventLines(texts, { epoch: EPOCH });
}

/** Through the wire too: what is read must be what can be shipped. */
export function eventsIn(batches: readonly Batch[]): RetroEvent[] {
  return batches.flatMap((batch) => [...eventsOf(decodeBatch(encodeBatch(batch)))]);
}

/** A line of node n1. */
export function line(rest: object, t: number = T): object {
  return { node: "n1", t: formatHlc(t as Hlc), ...rest };
}

export function set(key: string, value: unknown, t: number = T): object {
  return line({ kind: "set", log: "l", key, value }, t);
}
