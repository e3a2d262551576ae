/**
 * The audit at the end: reads everything back through `History.events` and compares identity by identity.
 *
 *     acknowledged but absent     loss            stored and never made       unexplained
 *     one identity twice          duplicate       missing below what came     silent gap, unless declared lost
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { EventQuery, History, NodeEvent } from "../../collector/cut/history.ts";
import type { Promised } from "./capture-drill.ts";
import { type Checker, short } from "./checker.ts";
import type { EpochLedger, KnownEvent } from "./ledger.ts";
import { areAlike, textOf } from "./value-text.ts";

const PAGE = 1_000;
/** Lost ranges of an epoch, of 1,024 that are kept apart: where so many are left, some were folded. */
const FEWEST_WHERE_FOLDED = 512;
const OWN_KINDS: readonly string[] = ["join", "keyframe", "leave"];

export async function audit(
  checker: Checker,
  history: History,
  promised: readonly Promised[],
): Promise<void> {
  const seen = new Map<string, Set<number>>();
  let before: NodeEvent | undefined;
  for await (const one of allEvents(history)) {
    const name = `${one.node}/${one.epoch}`;
    const seqs = seen.get(name) ?? new Set();
    seen.set(name, seqs);
    if (seqs.has(one.event.seq)) checker.fail("a duplicate", `${name}/${one.event.seq}`);
    seqs.add(one.event.seq);
    if (before !== undefined && !isInOrder(before, one)) {
      checker.fail("events out of order", `${name}/${one.event.seq} at ${one.event.t}`);
    }
    before = one;
    checkEvent(checker, one);
  }
  for (const epoch of checker.ledger.epochs.values()) {
    if (epoch.isDouble) continue;
    checkEpoch(checker, history, epoch, seen);
  }
  for (const one of promised) checkCaptured(checker, one, seen);
}

/** Every event of a captured range is there. What nobody was told of cannot be missed: a run that died so. */
function checkCaptured(
  checker: Checker,
  { id, node, from, to }: Promised,
  seen: ReadonlyMap<string, ReadonlySet<number>>,
): void {
  if (checker.ledger.isContended(node, from, to)) return;
  for (const epoch of checker.ledger.byNode.get(node) ?? []) {
    if (epoch.ackedCount === 0 || epoch.isDouble) continue;
    const seqs = seen.get(`${node}/${epoch.epoch}`);
    for (const [seq, { t }] of epoch.known) {
      if (t <= from || t > to) continue;
      checker.counts.add("events inside captures");
      if (seqs?.has(seq) === true) continue;
      const what = `${id} (${from}, ${to}]: ${node}/${epoch.epoch}/${seq} at ${t}`;
      checker.fail("captured, and not stored", what);
      return;
    }
  }
}

async function* allEvents(history: History): AsyncGenerator<NodeEvent> {
  if (history.extent() === undefined) return;
  let query: EventQuery = {
    from: -1e15 as Hlc,
    to: Number.MAX_SAFE_INTEGER as Hlc,
    limit: PAGE,
  };
  for (;;) {
    const { events, more } = await history.events(query);
    yield* events;
    const last = events.at(-1);
    if (!more || last === undefined) return;
    const { node, epoch, event } = last;
    query = { ...query, after: { node, epoch, seq: event.seq, t: event.t } };
  }
}

/** By time, then node, then epoch, then seq. */
export function isInOrder(a: NodeEvent, b: NodeEvent): boolean {
  if (a.event.t !== b.event.t) return a.event.t < b.event.t;
  if (a.node !== b.node) return a.node < b.node;
  if (a.epoch !== b.epoch) return a.epoch < b.epoch;
  return a.event.seq < b.event.seq;
}

export function checkEvent(checker: Checker, { node, epoch: number, event }: NodeEvent): void {
  checker.counts.add("events read back");
  const name = `${node}/${number}/${event.seq}`;
  const epoch = checker.ledger.epochs.get(`${node}/${number}`);
  const known = epoch?.known.get(event.seq);
  if (epoch?.isDouble === true) return;
  if (epoch === undefined || (known === undefined && !isAgentsOwn(event))) {
    checker.fail("an event that never was", `${name} ${event.kind}`);
  } else if (known !== undefined) {
    const difference = differenceOf(event, known);
    if (difference !== undefined) checker.fail("an event changed", `${name}: ${difference}`);
  } else if (event.kind === "keyframe") {
    checkKeyframe(checker, event, epoch, name);
  }
}

/** On demand, where a log is too large for a keyframe, a mark stands in its place. */
function isAgentsOwn(event: NodeEvent["event"]): boolean {
  if (OWN_KINDS.includes(event.kind)) return true;
  return event.kind === "mark" && event.text.includes("too large for a keyframe");
}

function differenceOf(event: NodeEvent["event"], known: KnownEvent): string | undefined {
  if (event.kind !== known.kind) return `${event.kind}, was ${known.kind}`;
  if (event.t !== known.t) return `at ${event.t}, was at ${known.t}`;
  if (event.kind === "receive") {
    const { from, sentT } = event;
    const id = from === null ? "" : `${from.node}/${from.epoch}/${from.seq}`;
    const { message } = known;
    if (id !== message?.id) return `received ${id}, was ${message?.id}`;
    return sentT === (message.forgedT ?? message.t) ? undefined : `sent ${sentT}`;
  }
  if (event.kind === "set") {
    if (event.log !== known.log || event.key !== known.key) return `${event.log}.${event.key}`;
    const found = textOf(event.value);
    return areAlike(known.text, found) ? undefined : `${short(found)}, was ${short(known.text)}`;
  }
  return undefined;
}

/** A keyframe is the state just before it: its own stamp is later. */
function checkKeyframe(
  checker: Checker,
  event: Extract<NodeEvent["event"], { readonly kind: "keyframe" }>,
  { process }: EpochLedger,
  name: string,
): void {
  checker.counts.add("keyframes compared");
  let count = 0;
  for (const variable of process.versions.keys()) {
    const [log = "", key = ""] = variable.split("\0");
    if (log !== event.log) continue;
    const expected = process.valueAt(variable, event.t);
    const found = textOf(event.state.get(key));
    if (expected !== undefined) count += 1;
    if (!areAlike(expected, found)) {
      checker.fail(
        "a keyframe is wrong",
        `${name} ${variable}: ${short(found)}, was ${short(expected)}`,
      );
      return;
    }
  }
  if (event.state.size !== count)
    checker.fail("a keyframe is wrong", `${name}: ${event.state.size}`);
}

/**
 * The seq up to which retention may have taken the events of an epoch: all before the first that is there,
 * if times before the latest of them are called outside retention, and it came long enough ago.
 */
function prunedUpTo(
  checker: Checker,
  history: History,
  epoch: EpochLedger,
  seqs: ReadonlySet<number>,
): number {
  if (checker.scenario.retentionMs === undefined) return 0;
  const end = seqs.size === 0 ? epoch.createdCount : Math.min(...seqs) - 1;
  let latest = 0;
  for (const seq of epoch.known.keys()) {
    if (seq <= end && seq > latest && epoch.isAcked(seq)) latest = seq;
  }
  const event = epoch.known.get(latest);
  if (event === undefined) return end;
  // A run that was displaced by then says nothing of its node's state.
  const isActive = checker.activeAt(epoch.node, event.t - 1) === epoch;
  if (isActive && !isOutside(history, epoch.node, (event.t - 1) as Hlc)) return 0;
  checker.counts.add("epochs pruned");
  checker.judgeAge(epoch, latest, `${epoch.node}/${epoch.epoch}/${latest}`);
  return end;
}

function isOutside(history: History, node: string, t: Hlc): boolean {
  try {
    const { incomplete } = history.cutAt(t, { nodes: [node] });
    // Of a run that was forgotten and then came again, what was forgotten is a hole at its beginning.
    return incomplete.some(
      ({ node: of, reason, seq }) =>
        of === node && (reason === "outside-retention" || (reason === "hole" && seq === 1)),
    );
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (code === "outside-retention" || code === "unknown-node") return true;
    throw error;
  }
}

function checkEpoch(
  checker: Checker,
  history: History,
  epoch: EpochLedger,
  seen: ReadonlyMap<string, ReadonlySet<number>>,
): void {
  const name = `${epoch.node}/${epoch.epoch}`;
  const seqs = seen.get(name) ?? new Set<number>();
  const highest = seqs.size === 0 ? 0 : Math.max(...seqs);
  if (highest > epoch.createdCount) {
    checker.fail("an event that never was", `${name}/${highest} of ${epoch.createdCount}`);
  }
  const gone = prunedUpTo(checker, history, epoch, seqs);
  const lost = history.nodes().find((one) => one.node === epoch.node)?.lost ?? [];
  for (let seq = 1; seq <= epoch.createdCount; seq += 1) {
    if (seqs.has(seq) || seq <= gone) continue;
    const isDeclared = lost.some((one) => one.firstSeq <= seq && seq <= one.lastSeq);
    if (epoch.isAcked(seq)) {
      // Declared lost, and folded with its neighbours before it came after all: beyond repair, and so said.
      if (isDeclared && lost.length >= FEWEST_WHERE_FOLDED) continue;
      checker.fail("acknowledged but absent", `${name}/${seq}`);
      return;
    }
    checker.counts.add(isDeclared ? "events declared lost" : "events that died untold");
    if (seq <= epoch.drainedCount && !isDeclared) {
      checker.fail("a silent gap", `${name}/${seq} of ${epoch.createdCount}`);
      return;
    }
  }
}
