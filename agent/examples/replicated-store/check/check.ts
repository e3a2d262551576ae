/**
 * Compares cuts at random past times, as the collector answers them over HTTP, with the journals.
 * Half of the times are anywhere in the run, half are exactly the stamp of some change or one tick
 * beside it, where an off-by-one would show.
 */
import { brokenPairs, prefixLength, stateAfter, stateDifferences } from "./judge.ts";
import type { NodeJournal } from "./read-journals.ts";

export interface CheckOptions {
  /** The collector, e.g. `http://127.0.0.1:7700`. */
  readonly url: string;
  readonly journals: readonly NodeJournal[];
  readonly cutCount: number;
  /** Returns numbers in [0, 1). */
  readonly random: () => number;
}

/** Counts; `faults` in words, at most 20. */
export interface CheckResult {
  readonly cuts: number;
  readonly complete: number;
  readonly wrongStates: number;
  /** Called complete, yet something that the journals hold is missing. */
  readonly wronglyComplete: number;
  /** By vector clocks, in cuts as answered. */
  readonly effectsWithoutCause: number;
  /** The same cuts, taken by the processes' own wall clocks instead. */
  readonly effectsWithoutCauseByWallClock: number;
  readonly stored: number;
  readonly recorded: number;
  readonly dropped: number;
  readonly lost: number;
  readonly doubled: number;
  readonly faults: readonly string[];
}

const UNIX_MS_DIGITS = 12;
const PAGE = 10_000;

/** Takes `cutCount` cuts and every stored event. Throws if the collector does not answer. */
export async function check(options: CheckOptions): Promise<CheckResult> {
  const { journals } = options;
  const faults: string[] = [];
  let complete = 0;
  let wrongStates = 0;
  let wronglyComplete = 0;
  let effects = 0;
  let effectsByWall = 0;
  for (const at of randomTimes(options)) {
    const cut = (await ask(options.url, `/api/cut?at=${at}`)) as CutAnswer;
    const incomplete = new Set(cut.incomplete.map((entry) => entry.node));
    if (cut.complete) complete += 1;
    const lengths = journals.map(({ changes }) => prefixLength(changes, (c) => c.t <= at));
    let isWrong = false;
    journals.forEach((journal, i) => {
      if (incomplete.has(journal.node)) return; // the answer says itself that it does not know
      const expected = stateAfter(journal.changes, lengths[i] as number);
      const differences = stateDifferences(expected, cut.nodes[journal.node]?.logs ?? {});
      if (differences.length === 0) return;
      isWrong = true;
      faults.push(`cut ${at}, ${journal.node}: ${differences.slice(0, 3).join("; ")}`);
    });
    if (isWrong) wrongStates += 1;
    if (isWrong && cut.complete) wronglyComplete += 1;
    const broken = brokenPairs(journals, lengths);
    if (broken.length > 0) {
      effects += 1;
      faults.push(`cut ${at}: effect on ${broken[0]?.effect} without cause on ${broken[0]?.cause}`);
    }
    if (!cut.consistent) faults.push(`cut ${at} is called inconsistent`);
    const wallMs = Number.parseInt(at.slice(0, UNIX_MS_DIGITS), 16);
    const byWall = journals.map(({ changes }) => prefixLength(changes, (c) => c.wall <= wallMs));
    if (brokenPairs(journals, byWall).length > 0) effectsByWall += 1;
  }
  const ledger = await checkLedger(options.url, journals, faults);
  return {
    cuts: options.cutCount,
    complete,
    wrongStates,
    wronglyComplete,
    effectsWithoutCause: effects,
    effectsWithoutCauseByWallClock: effectsByWall,
    ...ledger,
    faults: faults.slice(0, 20),
  };
}

interface CutAnswer {
  readonly complete: boolean;
  readonly consistent: boolean;
  readonly incomplete: readonly { readonly node: string }[];
  readonly nodes: Readonly<
    Record<string, { readonly logs: Readonly<Record<string, Readonly<Record<string, unknown>>>> }>
  >;
}

async function ask(url: string, path: string): Promise<unknown> {
  const answer = await fetch(url + path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/**
 * Times at which nobody has left yet: none is later than the last change of any node. Who has left is no part of a
 * state any more, and on a busy machine one may leave before another has changed for the last time.
 */
function randomTimes({ journals, cutCount, random }: CheckOptions): readonly string[] {
  const [end] = journals.flatMap(({ changes }) => changes.at(-1)?.t ?? []).sort();
  const stamps = journals
    .flatMap(({ changes }) => changes.map(({ t }) => t))
    .filter((t) => end !== undefined && t < end)
    .sort();
  const firstMs = Number.parseInt((stamps[0] as string).slice(0, UNIX_MS_DIGITS), 16);
  const lastMs = Number.parseInt((stamps.at(-1) as string).slice(0, UNIX_MS_DIGITS), 16);
  return Array.from({ length: cutCount }, (_, i) => {
    if (i % 2 === 0) {
      const ms = Math.floor(firstMs + random() * (lastMs - firstMs));
      const low = Math.floor(random() * 4096) * 16;
      return ms.toString(16).padStart(UNIX_MS_DIGITS, "0") + low.toString(16).padStart(4, "0");
    }
    const stamp = BigInt(`0x${stamps[Math.floor(random() * stamps.length)]}`);
    const beside = stamp + BigInt(Math.floor(random() * 3) - 1) * 16n;
    return beside.toString(16).padStart(16, "0");
  });
}

/** Every event recorded is stored exactly once or counted as dropped: created = stored + dropped. */
async function checkLedger(
  url: string,
  journals: readonly NodeJournal[],
  faults: string[],
): Promise<Pick<CheckResult, "stored" | "recorded" | "dropped" | "lost" | "doubled">> {
  let stored = 0;
  let recorded = 0;
  let dropped = 0;
  let lost = 0;
  let doubled = 0;
  for (const { node, end } of journals) {
    if (!end) {
      faults.push(`${node}: its journal has no end line`);
      lost += 1;
      continue;
    }
    const seqs = await storedSeqs(url, node, end.epoch);
    const distinct = new Set(seqs).size;
    stored += distinct;
    recorded += end.events;
    dropped += end.dropped;
    doubled += seqs.length - distinct;
    const missing = end.events - end.dropped - distinct;
    if (missing !== 0)
      faults.push(`${node}: ${missing} events neither stored nor counted as dropped`);
    lost += Math.abs(missing);
  }
  return { stored, recorded, dropped, lost, doubled };
}

async function storedSeqs(url: string, node: string, epoch: number): Promise<readonly number[]> {
  const seqs: number[] = [];
  let cursor: string | undefined;
  do {
    const more = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const range = `from=${"0".repeat(16)}&to=%2B1h&limit=${PAGE}`;
    const page = (await ask(
      url,
      `/api/events?node=${encodeURIComponent(node)}&${range}${more}`,
    )) as { events: { epoch: number; seq: number }[]; next?: string };
    for (const event of page.events) if (event.epoch === epoch) seqs.push(event.seq);
    cursor = page.next;
  } while (cursor !== undefined);
  return seqs;
}

/** Whether the run kept every promise that was checked. */
export function isClean(result: CheckResult): boolean {
  return (
    result.faults.length === 0 &&
    result.wrongStates === 0 &&
    result.wronglyComplete === 0 &&
    result.effectsWithoutCause === 0 &&
    result.lost === 0 &&
    result.doubled === 0 &&
    result.complete >= MIN_COMPLETE_SHARE * result.cuts
  );
}

/** A checker that accepts "incomplete" everywhere would prove nothing. */
const MIN_COMPLETE_SHARE = 0.9;
