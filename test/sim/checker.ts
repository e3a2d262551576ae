/**
 * The judge: compares what the collector answers with the ledger, while things go wrong and at the end.
 * It shares no code with the product (types only), and knows it through what anybody can ask.
 *
 * A node that an answer does not call incomplete is taken at its word: it must be a member exactly if it
 * had joined and not left, with exactly the state that the ledger has at that time. Answers once called
 * complete are judged again at the end, when the ledger knows what came later.
 */
import type { Cut, History, Selection } from "../../collector/cut/history.ts";
import type { Counts } from "./counts.ts";
import { at, type Judge } from "./judge.ts";
import { judgeInFlight } from "./judge-in-flight.ts";
import { judgeLost } from "./judge-lost.ts";
import { judgeOrder } from "./judge-order.ts";
import type { EpochLedger, Ledger, Message, ProcessLedger } from "./ledger.ts";
import type { Scenario } from "./scenario.ts";
import { areAlike, textOf } from "./value-text.ts";

export interface Failure {
  readonly what: string;
  readonly detail: string;
  readonly atMs: number;
}

/** A run that fails in many ways fails in one: more are not listed. */
const MAX_FAILURES = 20;
/** Answers kept to be judged again. */
const MAX_KEPT = 300;

interface Kept {
  readonly cut: Cut;
  readonly selection: Selection;
  /** Epochs of which something had been acknowledged: the answer need not know others. */
  readonly told: ReadonlySet<EpochLedger>;
  /** Epochs that may have been forgotten then, whatever came of them later. */
  readonly forgotten: ReadonlySet<EpochLedger>;
}

export class Checker implements Judge {
  readonly ledger: Ledger;
  readonly scenario: Scenario;
  readonly counts: Counts;
  readonly failures: Failure[] = [];
  readonly nowMs: () => number;
  readonly #watermarks = new Map<string, number>();
  readonly #kept: Kept[] = [];

  constructor(ledger: Ledger, scenario: Scenario, counts: Counts, nowMs: () => number) {
    this.ledger = ledger;
    this.scenario = scenario;
    this.counts = counts;
    this.nowMs = nowMs;
  }

  fail(what: string, detail: string): void {
    if (this.failures.length < MAX_FAILURES) {
      this.failures.push({ what, detail, atMs: this.nowMs() });
    }
  }

  /** After work: as many events recorded as were made. */
  created(epoch: EpochLedger, expectedSeq: number, seq: number): void {
    if (expectedSeq === seq) return;
    this.fail("created", `${epoch.node}/${epoch.epoch} recorded up to ${seq}, not ${expectedSeq}`);
  }

  /** After a merge: the stamp is later than what was merged, and only a repeat is not recorded. */
  merged(
    message: Message,
    t: number,
    isRefused: boolean,
    isNew: boolean,
    process: ProcessLedger,
  ): void {
    if (!isRefused && t <= (message.forgedT ?? message.t)) {
      this.fail("receive not later than its send", `${message.id} sent ${message.t}, merged ${t}`);
    }
    const isKnown = message.receives.some((one) => one.epoch.process === process);
    // Of two processes under one epoch two messages may have one name (seed 40000226).
    if (isNew || isKnown || message.epoch.isDouble) return;
    this.fail("receive not recorded", `${message.id} by process ${process.index}`);
  }

  judge(cut: Cut, selection: Selection): void {
    this.counts.add("cuts judged");
    if (cut.complete) this.counts.add("cuts called complete");
    if (!cut.consistent) this.counts.add("cuts called inconsistent");
    for (const { reason } of cut.incomplete) this.counts.add(`incomplete: ${reason}`);
    const epochs = [...this.ledger.epochs.values()];
    const told = new Set(epochs.filter((one) => one.ackedCount > 0));
    const forgotten = new Set(epochs.filter((one) => this.#isForgotten(one)));
    const kept: Kept = { cut, selection, told, forgotten };
    this.#judgeNodes(kept);
    for (const one of cut.incomplete) {
      if (one.reason === "outside-retention") this.#judgeOutside(one.node, cut.at);
    }
    judgeLost(this, cut);
    judgeOrder(this, cut, selection);
    judgeInFlight(this, cut, selection);
    if (this.#kept.length < MAX_KEPT) this.#kept.push(kept);
  }

  /** Nothing may be gone before its time: by when it came, whatever the node's clock said. */
  #judgeOutside(node: string, t: number): void {
    // Of two side by side either may be the one that is outside.
    if (this.ledger.isContended(node, t, t)) return;
    let latest:
      | { readonly t: number; readonly epoch: EpochLedger; readonly seq: number }
      | undefined;
    for (const epoch of this.ledger.byNode.get(node) ?? []) {
      if (epoch.isDouble) return;
      for (const [seq, event] of epoch.known) {
        if (event.t > t || event.t <= (latest?.t ?? Number.NEGATIVE_INFINITY)) continue;
        if (epoch.isAcked(seq)) latest = { t: event.t, epoch, seq };
      }
    }
    if (latest === undefined) return;
    const { retentionMs } = this.scenario;
    // What it was before it was forgotten stays unknown there, whatever comes of that time afterwards.
    if (retentionMs !== undefined && latest.epoch.mayHaveComeAgain(retentionMs)) return;
    this.judgeAge(latest.epoch, latest.seq, `${node} at ${t}`);
  }

  mayBeGone(epoch: EpochLedger, seq: number): boolean {
    const { retentionMs } = this.scenario;
    const receivedMs = epoch.receivedMs(seq);
    if (retentionMs === undefined || receivedMs === undefined) return false;
    return this.nowMs() - receivedMs >= retentionMs;
  }

  /** Of an event that came and is gone. */
  judgeAge(epoch: EpochLedger, seq: number, where: string): void {
    const { retentionMs, happenings, disk } = this.scenario;
    if (retentionMs === undefined) {
      this.fail("outside a retention that there is not", where);
      return;
    }
    // Then what came may have been stored before the answer that the ledger knows of; not before it was made.
    const isHidden = happenings.collectorCrashMs > 0 || disk.full > 0;
    const sinceMs = isHidden ? epoch.madeMs.get(seq) : epoch.receivedMs(seq);
    if (sinceMs === undefined) return;
    this.counts.add("ages judged");
    const ageMs = this.nowMs() - sinceMs;
    if (ageMs < retentionMs) this.fail("gone before its time", `${where}: came ${ageMs} ms ago`);
  }

  /** At the end: no answer may have been overtaken by what came later. */
  judgeAgain(): void {
    for (const one of this.#kept) this.#judgeNodes(one);
  }

  watch(history: History): void {
    const nodes = history.nodes();
    // What is forgotten, and comes again, begins anew.
    const names = new Set(nodes.map(({ node, epoch }) => `${node}/${epoch}`));
    for (const name of this.#watermarks.keys()) {
      if (!names.has(name)) this.#watermarks.delete(name);
    }
    for (const { node, epoch, watermark } of nodes) {
      const name = `${node}/${epoch}`;
      const before = this.#watermarks.get(name) ?? Number.NEGATIVE_INFINITY;
      if (watermark < before && !this.#mayHaveBegunAnew(name)) {
        this.fail("watermark fell", `${name} from ${before} to ${watermark}`);
      }
      this.#watermarks.set(name, watermark);
    }
  }

  /** Whether nothing came of the epoch for so long that it may have been forgotten, before more came. */
  #mayHaveBegunAnew(name: string): boolean {
    const { retentionMs } = this.scenario;
    const epoch = this.ledger.epochs.get(name);
    return (
      retentionMs !== undefined &&
      epoch !== undefined &&
      epoch.longestSilenceMs(this.nowMs()) >= 2 * retentionMs
    );
  }

  /** The epoch that is the node's state at t; "uncertain" where the ledger cannot tell. */
  activeAt(node: string, t: number): EpochLedger | "uncertain" | undefined {
    let active: EpochLedger | undefined;
    for (const epoch of this.ledger.byNode.get(node) ?? []) {
      if (epoch.firstKnownT <= t) active = epoch;
      else if (epoch.uncertainFrom < t) return "uncertain";
    }
    if (active === undefined) return undefined;
    if (active.isDouble) return "uncertain";
    // Two processes that a collector told to begin above the same: which of them was first it alone knows.
    const { process, uncertainFrom, firstKnownT } = active;
    const isTied = (this.ledger.byNode.get(node) ?? []).some(
      (one) =>
        one.process !== process &&
        one.uncertainFrom < firstKnownT &&
        one.firstKnownT > uncertainFrom,
    );
    return isTied ? "uncertain" : active;
  }

  #judgeNodes(kept: Kept): void {
    const { cut, selection } = kept;
    const incomplete = new Set(cut.incomplete.map(({ node }) => node));
    const members = new Set(cut.members);
    for (const node of this.ledger.byNode.keys()) {
      if (selection.nodes !== undefined && !selection.nodes.includes(node)) continue;
      if (!incomplete.has(node)) this.#judgeNode(kept, node, members.has(node));
    }
    for (const node of members) {
      if (!this.ledger.byNode.has(node)) this.fail("a member that never was", `${node} ${at(cut)}`);
    }
  }

  #judgeNode({ cut, selection, told, forgotten }: Kept, node: string, isMember: boolean): void {
    const t = cut.at;
    const active = this.activeAt(node, t);
    if (active === "uncertain") return;
    if (active === undefined) {
      if (isMember) this.fail("a member before it joined", `${node} ${at(cut)}`);
      return;
    }
    // What the collector never acknowledged it need not know.
    if (!told.has(active)) return;
    const where = `${node}/${active.epoch} ${at(cut)}`;
    if (t > active.leftAfter) {
      if (t >= active.leftBefore && isMember) this.fail("a member after it left", where);
      return;
    }
    const shown = cut.nodes.get(node);
    if (!isMember || shown === undefined) {
      if (shown?.status !== "expired" && !forgotten.has(active)) {
        this.fail("a member left out", where);
      }
      return;
    }
    if (shown.epoch !== active.epoch) {
      this.fail("another epoch", `${where}: shown ${shown.epoch}`);
      return;
    }
    this.counts.add("states compared");
    this.#judgeState(shown.logs, active, t, selection, where);
  }

  /** Expired, and nothing came of it for so long that not even its record is kept. */
  #isForgotten({ lastReceivedMs }: EpochLedger): boolean {
    const { retentionMs } = this.scenario;
    return retentionMs !== undefined && this.nowMs() - lastReceivedMs >= 2 * retentionMs;
  }

  #judgeState(
    logs: ReadonlyMap<string, ReadonlyMap<string, unknown>>,
    { process }: EpochLedger,
    t: number,
    selection: Selection,
    where: string,
  ): void {
    let count = 0;
    for (const variable of process.versions.keys()) {
      const [log = "", key = ""] = variable.split("\0");
      if (selection.logs !== undefined && !selection.logs.includes(log)) continue;
      if (selection.keys !== undefined && !selection.keys.includes(key)) continue;
      const expected = process.valueAt(variable, t);
      const found = textOf(logs.get(log)?.get(key));
      if (expected !== undefined) count += 1;
      if (areAlike(expected, found)) continue;
      const difference = `${log}.${key} is ${short(found)}, was ${short(expected)}`;
      this.fail("a wrong state", `${where}: ${difference}`);
      return;
    }
    let shown = 0;
    for (const variables of logs.values()) shown += variables.size;
    if (shown > count) this.fail("a variable that never was", where);
  }
}

export function short(text: string | undefined): string {
  return text === undefined ? "absent" : text.slice(0, 60);
}
