/** Audits and explanations as JSON (audit-shapes.ts). */
import { TICKS_PER_MS } from "../../agent/kernel/index.ts";
import type { CausalityAudit, ClockOffset, ClockOffsets, Cut } from "../cut/history.ts";
import type {
  CausalityJson,
  ClockOffsetJson,
  ExplainJson,
  NodeOffsetsJson,
} from "./audit-shapes.ts";
import type { Explanation } from "./explain.ts";
import { hJson } from "./time-json.ts";
import { eventRefJson, incompleteJson, violationJson } from "./to-json.ts";

export function causalityJson(
  audit: CausalityAudit,
  refused: CausalityJson["refused"],
): CausalityJson {
  return {
    from: hJson(audit.from),
    to: hJson(audit.to),
    complete: audit.complete,
    incomplete: audit.incomplete.map(incompleteJson),
    messages: audit.messages,
    violations: audit.violations.map(violationJson),
    violationCount: audit.violationCount,
    unstamped: audit.unstamped,
    receivesWithoutSend: audit.receivesWithoutSend.map((one) => ({
      ...one,
      first: eventRefJson(one.first),
    })),
    judgedTo: hJson(audit.judgedTo),
    sendsWithoutReceive: audit.sendsWithoutReceive.map(({ lastT, first, ...one }) => ({
      ...one,
      first: eventRefJson(first),
      last: hJson(lastT),
    })),
    backward: audit.backward.map(({ event, beforeT }) => ({
      event: eventRefJson(event),
      before: hJson(beforeT),
    })),
    overlapping: audit.overlapping.map((one) => ({
      ...one,
      joined: hJson(one.joined),
      reached: hJson(one.reached),
    })),
    unmerged: audit.unmerged.map(({ firstT, ...one }) => ({ ...one, first: hJson(firstT) })),
    offsets: audit.offsets.map(offsetJson),
    cutShort: audit.cutShort,
    refused,
  };
}

function offsetJson({ lowerTicks, upperTicks, ...one }: ClockOffset): ClockOffsetJson {
  return { ...one, lowerUs: microseconds(lowerTicks), upperUs: microseconds(upperTicks) };
}

/** The offsets of one node's clock, each as the other's lead over it. */
export function nodeOffsetsJson(
  node: string,
  offsets: ClockOffsets | undefined,
): NodeOffsetsJson | null {
  if (offsets === undefined) return null;
  const pairs = offsets.pairs.flatMap(({ from, to, lowerTicks, upperTicks, moved }) => {
    if (from === node) {
      const [lowerUs, upperUs] = [microseconds(lowerTicks), microseconds(upperTicks)];
      return [{ node: to, lowerUs, upperUs, moved }];
    }
    if (to !== node) return [];
    const [lowerUs, upperUs] = [
      microseconds(negative(upperTicks)),
      microseconds(negative(lowerTicks)),
    ];
    return [{ node: from, lowerUs, upperUs, moved }];
  });
  return { at: hJson(offsets.at), pairs };
}

function negative(ticks: number | null): number | null {
  return ticks === null ? null : 0 - ticks;
}

/** To three decimals: a tick is a quarter of a microsecond. */
function microseconds(ticks: number | null): number | null {
  return ticks === null ? null : Math.round((ticks * 1e6) / TICKS_PER_MS) / 1e3;
}

export function explainJson(cut: Cut, { summary, findings }: Explanation): ExplainJson {
  return {
    at: hJson(cut.at),
    complete: cut.complete,
    consistent: cut.consistent,
    inFlightComplete: cut.inFlightComplete,
    members: cut.members,
    summary,
    findings: findings.map(({ entry, concerns, why, advice }) => ({
      ...incompleteJson(entry),
      ...(concerns === "order" ? { reason: "violation" } : {}),
      concerns,
      why,
      advice,
    })),
  };
}
