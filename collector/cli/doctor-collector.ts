/**
 * Whether the collector answers, how far its clock is from ours, and why a cut at this moment would not
 * be complete.
 *
 *     we     ----- t0 ---------------- t1 -----     half the round trip bounds the error:
 *     it     ---------- now ------------------      offset = now - (t0 + t1) / 2  +-  (t1 - t0) / 2
 */
import { RetroError, unixMsFromTicks } from "../../agent/kernel/index.ts";
import type { CutJson, NodesJson } from "../api/shapes.ts";
import type { CollectorClient } from "./client.ts";
import { type Finding, finding } from "./finding.ts";
import { reasonText } from "./show-cut.ts";
import { counted, listed } from "./text.ts";
import { ticksOf } from "./times.ts";

/** Questions asked for the clock; the quickest counts. */
const CLOCK_QUESTIONS = 5;
/** Agents tell about once a second how far they are known: of the last moment nobody can know. */
const SETTLED = "-2s";
/** Clocks of one site that differ by more are worth a look. */
const NOTED_OFFSET_MS = 100;
/** Hooks that are told by name. */
const NAMED = 20;
/** Nodes told in a line each, of one reason; more of them share a line. */
const TOLD_EACH = 2;
/** Nodes named in a line that they share. */
const NAMED_TOGETHER = 5;

export interface CollectorReport {
  readonly url: string;
  /** null: it does not say, or does not answer */
  readonly version: string | null;
  /** Milliseconds that its clock is ahead of ours, at best and at worst; null: it does not answer. */
  readonly offsetMs: { readonly lowest: number; readonly highest: number } | null;
  readonly liveNodes: number;
  readonly findings: readonly Finding[];
}

/** @throws RetroError `unreachable`, `timed-out`, ... */
export async function examineCollector(
  client: CollectorClient,
  nowMs: () => number,
): Promise<CollectorReport> {
  let nodes: NodesJson | undefined;
  let best = { lowest: Number.NEGATIVE_INFINITY, highest: Number.POSITIVE_INFINITY };
  for (let i = 0; i < CLOCK_QUESTIONS; i += 1) {
    const before = nowMs();
    nodes = await client.ask<NodesJson>("/api/nodes");
    const after = nowMs();
    const itsMs = unixMsFromTicks(ticksOf(nodes.now));
    const bound = { lowest: itsMs - after, highest: itsMs - before };
    if (bound.highest - bound.lowest < best.highest - best.lowest) best = bound;
  }
  const known = nodes as NodesJson;
  const live = known.nodes.filter(({ status }) => status === "live").length;
  const cut = known.nodes.length === 0 ? undefined : await settledCut(client);
  return {
    url: client.url,
    version: known.version ?? null,
    offsetMs: best,
    liveNodes: live,
    findings: [
      finding("ok", "collector", answersText(client.url, known)),
      clockFinding(best),
      ...nodeFindings(known),
      ...(cut === undefined ? [] : cutFindings(cut)),
    ],
  };
}

/** undefined: all that it knows is younger */
async function settledCut(client: CollectorClient): Promise<CutJson | undefined> {
  try {
    return await client.ask<CutJson>("/api/cut", { at: SETTLED, wait: "1s" }, 1_000);
  } catch (error) {
    if (error instanceof RetroError && error.code === "outside-retention") return undefined;
    throw error;
  }
}

function answersText(url: string, { version }: NodesJson): string {
  return `answers at ${url}${version === undefined ? "" : `, version ${version}`}`;
}

function clockFinding({ lowest, highest }: { lowest: number; highest: number }): Finding {
  const middle = (lowest + highest) / 2;
  const bound = (highest - lowest) / 2;
  const where = middle >= 0 ? "ahead of" : "behind";
  const what = `its clock is ${Math.abs(middle).toFixed(1)} ms ${where} ours (within ${bound.toFixed(1)} ms)`;
  const least = lowest > 0 ? lowest : highest < 0 ? -highest : 0;
  return least < NOTED_OFFSET_MS
    ? finding("ok", "clock", what)
    : finding(
        "note",
        "clock",
        what,
        "Is NTP running on both? Stamps stay causal; times of day are off.",
      );
}

function nodeFindings({ nodes }: NodesJson): Finding[] {
  if (nodes.length === 0) {
    const advice = "Give your services RETROSCOPE_COLLECTOR with this address.";
    return [finding("note", "nodes", "no agent has shipped anything yet", advice)];
  }
  const ill = nodes.flatMap((node) => {
    if (node.status !== "live") return [];
    const hooks = Object.entries((node.hooks ?? {}) as Readonly<Record<string, unknown>>);
    const bad = hooks.filter(([, state]) => !["active", "absent", "off"].includes(String(state)));
    return bad.map(([name, state]) => `${node.node}: ${name} ${String(state)}`);
  });
  if (ill.length === 0) return [];
  return [
    finding(
      "note",
      "nodes",
      `hooks that are not well: ${ill.slice(0, NAMED).join(", ")}`,
      "Run `retroscope doctor -- ...` with that service's command.",
    ),
  ];
}

/** What to do, by reason. */
const ADVICE: Readonly<Record<string, string>> = {
  lagging: "It is slow to ship, or cannot reach the collector: see its standard error.",
  hole: "A batch is under way again; if it stays, the agent's queue was too small (queueBytes).",
  suspect: "It is silent: is the process stopped, or its network gone?",
  expired: "It went without goodbye; the time up to its expiry stays uncertain.",
  lost: "Events were dropped: raise queueBytes, or look why the collector was away.",
  "not-captured": "It ships on demand: ask for the time with `retroscope capture`.",
  "unknown-node":
    "It got messages of a node that ships nowhere: give that one RETROSCOPE_COLLECTOR.",
  rebuilding: "A collector has taken it over, and reads up: wait.",
  "outside-retention": "That time is no longer kept.",
};

/** One line per reason, unless few have it. */
function incompleteFindings(cut: CutJson): Finding[] {
  const byReason = new Map<string, CutJson["incomplete"][number][]>();
  for (const entry of cut.incomplete) {
    byReason.set(entry.reason, [...(byReason.get(entry.reason) ?? []), entry]);
  }
  return [...byReason].flatMap(([reason, entries]) => {
    const note = (what: string) => finding("note", "cut", `incomplete: ${what}`, ADVICE[reason]);
    if (entries.length > TOLD_EACH) {
      const names = entries.map(({ node }) => node);
      return [note(`${names.length} nodes are ${reason}: ${listed(names, NAMED_TOGETHER)}`)];
    }
    return entries.map((entry) => {
      const why = reasonText(entry, cut);
      return note(`${entry.node} is ${reason}${why === "" ? "" : `, ${why}`}`);
    });
  });
}

export function cutFindings(cut: CutJson): Finding[] {
  const findings: Finding[] = [];
  if (cut.complete) {
    findings.push(
      finding(
        "ok",
        "cut",
        `a cut two seconds ago is complete: ${counted(cut.members.length, "node")}`,
      ),
    );
  }
  findings.push(...incompleteFindings(cut));
  if (!cut.consistent) {
    const what = `${counted(cut.violations.length, "message")} received before it was sent`;
    findings.push(
      finding(
        "bad",
        "cut",
        what,
        "A stamp was not merged: `retroscope snapshot` names the channel.",
      ),
    );
  }
  return findings;
}
