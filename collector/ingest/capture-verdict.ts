/**
 * What a node's report on a capture comes to, held against what is stored: an agent's word that it
 * shipped is one thing, that all of it is durable and can be read another.
 */
import { formatIsoMicros, type Hlc, type LostRange } from "../../agent/kernel/index.ts";
import type { EpochRecord } from "../store/history-store.ts";
import { isOnDemand, type ReportRead } from "./agent-word.ts";
import type { Capture, CaptureNode } from "./capture-record.ts";
import { missingIn } from "./seq-ranges.ts";

/** What has to arrive before a report can be believed; undefined: nothing. */
export function awaited(
  report: ReportRead,
  record: EpochRecord,
  capture: Capture,
): string | undefined {
  if (report.state === "outside-window") return undefined;
  const { firstSeq, lastSeq } = report;
  if (firstSeq !== undefined && lastSeq !== undefined) {
    const missing = missingIn(record.stored, firstSeq, lastSeq);
    const count = missing.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    if (count > 0) return `${count} of the events that it shipped have not arrived`;
  }
  const to = endOf(report, capture);
  if (record.watermark < to) return `it is known until ${formatIsoMicros(record.watermark)} only`;
  return undefined;
}

/**
 * The node's part of the capture, once nothing is awaited. `beganLater`: it began only inside the
 * range, after a run whose window is gone.
 */
export function verdict(
  report: ReportRead,
  record: EpochRecord,
  capture: Capture,
  beganLater: boolean,
): CaptureNode {
  const { node } = record;
  // It had not said so when it was asked. Of runs before this one its word says nothing.
  if (!isOnDemand(record.status) && !beganLater) return { node, state: "streaming" };
  if (report.state === "outside-window") {
    const { earliest } = report;
    const since = earliest === undefined ? "" : `: it begins at ${formatIsoMicros(earliest)}`;
    return { node, state: "outside-window", why: `none of it is in its window any more${since}` };
  }
  const began = beganLater ? record.joined : capture.from;
  let from = Math.max(report.from ?? capture.from, capture.from, began) as Hlc;
  let to = endOf(report, capture);
  const reasons: string[] = [];
  if (beganLater) reasons.push("it began anew in that time: what it held before is gone");
  else if (from > capture.from) reasons.push("its window began later");
  if (to < capture.to) reasons.push("it ended earlier");
  if (record.lost.some((lost) => isNeededBefore(lost, from, report))) {
    return { node, state: "partial", why: "events before it, which its state rests on, were lost" };
  }
  // What was declared and did not come: dropped by the agent, or never sent.
  for (const lost of record.lost) {
    if (lost.firstT > to || lost.lastT <= from || isOutside(lost, report)) continue;
    if (lost.firstT <= from) from = lost.lastT;
    else to = (lost.firstT - 1) as Hlc;
    const count = lost.lastSeq - lost.firstSeq + 1;
    reasons.push(`${count} events in it were ${wordOf(lost.reason)}`);
  }
  if (from >= to) return { node, state: "partial", why: reasons.join("; ") };
  if (reasons.length === 0 && report.state === "shipped")
    return { node, state: "shipped", from, to };
  const why = reasons.length === 0 ? "it shipped a part" : reasons.join("; ");
  return { node, state: "partial", from, to, why };
}

/** An agent ships from the keyframes on that the state at `from` begins with. */
function isNeededBefore(lost: LostRange, from: Hlc, { firstSeq }: ReportRead): boolean {
  return firstSeq !== undefined && lost.lastSeq >= firstSeq && lost.lastT <= from;
}

/** What it shipped is all of the range: what was declared before and after it lies outside. */
function isOutside(lost: LostRange, { state, firstSeq = 1, lastSeq }: ReportRead): boolean {
  if (state !== "shipped" || lastSeq === undefined) return false;
  return lost.lastSeq < firstSeq || lost.firstSeq > lastSeq;
}

function endOf(report: ReportRead, capture: Capture): Hlc {
  return Math.min(report.to ?? capture.to, capture.to) as Hlc;
}

function wordOf(reason: string): string {
  return reason === "not-captured" ? "not shipped" : `lost (${reason})`;
}
