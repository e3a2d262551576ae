/**
 * `--stalls`: plants a stall of 150 ms into one replica after the other, and asks the collector what it was.
 *
 *     8 s of calm, so that it is known what is usual | store-2 computes | 3 s | store-3 is stopped | 3 s | ...
 *
 * What is planted is known here alone: the agents and the collector are told nothing. A stall is looked for where it
 * was, by time and not by place, so that one that is charged to somebody else is seen to be.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ProcessGroup } from "../processes.ts";
import { STALL_MS } from "./stall-on-signal.ts";

/** Named as the causes that the collector tells. */
export const STALL_KINDS = ["run", "freeze", "gc"] as const;
export type StallKind = (typeof STALL_KINDS)[number];

export interface PlantedStall {
  readonly node: string;
  readonly kind: StallKind;
  readonly startMs: number;
}

/** What the collector said of one; null: nothing. */
export interface NamedStall {
  readonly planted: PlantedStall;
  readonly found: FoundEpisode | null;
}

/** As much of an episode as is looked at here. */
export interface FoundEpisode {
  readonly durationMs: number;
  readonly tier: { readonly node: string; readonly edge?: unknown };
  readonly causes: readonly { readonly cause: string; readonly ms: number }[];
  readonly severity: { readonly requestMs: number };
  readonly skew: { readonly adjustedOnset: { readonly time: string } };
}

export interface StallOptions {
  readonly url: string;
  readonly group: ProcessGroup;
  readonly nodes: readonly string[];
  readonly print: (line: string) => void;
  /** None is begun that would not be over, and asked for, by then. Absent: they go on. */
  readonly durationMs?: number | undefined;
  /** Ends it in the middle of what it does: then it rejects. */
  readonly signal: AbortSignal;
}

/** What is usual must be known first. */
const CALM_MS = 8_000;
const EACH_MS = 3_000;
/** A stall's agents ship within a second; its second's load a second later. */
const ASK_WAIT_MS = 5_000;
const ASK_EACH_MS = 500;
/** Clocks are 300 ms off, and stalls 3 s apart. */
const NEAR_MS = 700;

/** Plants stalls until the time is over; resolves to what was said of each. Rejects if nobody answers. */
export async function plantStalls(options: StallOptions): Promise<NamedStall[]> {
  const { nodes, print, signal, durationMs = Number.POSITIVE_INFINITY } = options;
  const endMs = performance.now() + durationMs;
  const named: NamedStall[] = [];
  await delay(Math.min(CALM_MS, durationMs), undefined, { signal });
  for (let i = 0; performance.now() + EACH_MS + ASK_WAIT_MS < endMs; i += 1) {
    // The next replica each time, the next kind each time; every pair comes once they have gone round.
    const node = nodes[(i + 1 + Math.floor(i / STALL_KINDS.length)) % nodes.length] as string;
    const planted = await strike(options.group, node, STALL_KINDS[i % STALL_KINDS.length] ?? "run");
    const askedMs = performance.now();
    const found = await askFor(options, planted);
    named.push({ planted, found });
    print(stallLine({ planted, found }));
    await delay(Math.max(0, EACH_MS - (performance.now() - askedMs)), undefined, { signal });
  }
  return named;
}

async function strike(group: ProcessGroup, node: string, kind: StallKind): Promise<PlantedStall> {
  const startMs = Date.now();
  if (kind === "freeze") await group.pause(node, STALL_MS);
  else {
    group.signal(node, kind === "run" ? "SIGUSR2" : "SIGHUP");
    await delay(STALL_MS);
  }
  return { node, kind, startMs };
}

/** The costliest episode that began about then. */
async function askFor(
  { url, signal }: Pick<StallOptions, "url" | "signal">,
  { startMs }: PlantedStall,
): Promise<FoundEpisode | null> {
  const range = `from=${startMs - 2 * NEAR_MS}&to=${startMs + 2 * NEAR_MS}`;
  const untilMs = performance.now() + ASK_WAIT_MS;
  for (;;) {
    await delay(ASK_EACH_MS, undefined, { signal });
    const answer = await fetch(`${url}/api/bottlenecks?${range}&minMs=${STALL_MS / 3}`, { signal });
    if (!answer.ok) throw new Error(`the collector answered ${answer.status}`);
    const { episodes } = (await answer.json()) as { readonly episodes: readonly FoundEpisode[] };
    const [costliest] = episodes
      .filter(({ skew }) => Math.abs(Date.parse(skew.adjustedOnset.time) - startMs) <= NEAR_MS)
      .sort((a, b) => b.severity.requestMs - a.severity.requestMs);
    if (costliest !== undefined) return costliest;
    if (performance.now() > untilMs) return null;
  }
}

function stallLine({ planted, found }: NamedStall): string {
  const { node, kind, startMs } = planted;
  const time = new Date(startMs).toISOString().slice(11, 23);
  const told =
    found === null
      ? "nothing"
      : `${Math.round(found.durationMs)} ms at ${placeOf(found)}, ${causesOf(found)}`;
  return `  ${time}  planted: ${kind} ${STALL_MS} ms in ${node}   told: ${told}`;
}

function placeOf({ tier }: FoundEpisode): string {
  return tier.edge === undefined ? tier.node : `the way to ${tier.node}`;
}

function causesOf({ causes }: FoundEpisode): string {
  return causes.map(({ cause, ms }) => `${cause} ${Math.round(ms)} ms`).join(", ") || "no cause";
}

/** How many were told at all, charged to their process, and charged to what was done to it. */
export function tallyOf(named: readonly NamedStall[]): string {
  const told = named.filter(({ found }) => found !== null);
  const placed = told.filter(
    ({ planted, found }) => found?.tier.node === planted.node && found.tier.edge === undefined,
  );
  const explained = placed.filter(({ planted, found }) => found?.causes[0]?.cause === planted.kind);
  return `
Stalls planted                                    ${named.length}
  told                                            ${told.length}
    charged to the process that stood still       ${placed.length}
      and to what was done to it                  ${explained.length}`;
}
