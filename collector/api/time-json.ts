/** A time as every answer gives it. */
import { formatHlc, formatIsoMicros, type Hlc } from "../../agent/kernel/index.ts";
import type { H } from "./shapes.ts";

/** Exact for programs, with microseconds for people. */
export function hJson(t: Hlc): H {
  return { hlc: formatHlc(t), time: formatIsoMicros(t) };
}
