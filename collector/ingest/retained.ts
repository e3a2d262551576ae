/** What of a batch retention has passed: that comes too late, whether it is a repeat or was declared lost. */
import { RetroError } from "../../agent/kernel/index.ts";
import type { HistoryStore, SeqRange } from "../store/history-store.ts";
import type { EpochDraft } from "./epoch-draft.ts";
import type { PreparedBatch } from "./prepare.ts";

/**
 * The parts of a batch that are not stored, without those that retention has passed: what was declared
 * lost there comes too late. So does what comes again of a run that was forgotten, and that went on: beside
 * what came since, a first batch of it alone would be a hole that nobody fills.
 * @throws RetroError `too-old` if nothing but such is missing
 */
export function retained(
  store: HistoryStore,
  draft: EpochDraft,
  batch: PreparedBatch,
): readonly SeqRange[] {
  const missing = draft.missing(batch);
  const pruned = store.pruned(draft.base.id)?.seq ?? 0;
  const [first] = missing;
  if (first === undefined) return missing;
  if (isGone(store, batch, draft.base.epoch)) throw tooOld(batch.header.node);
  if (first.first > pruned) return missing;
  const kept = missing
    .filter(({ last }) => last > pruned)
    .map((part) => ({ ...part, first: Math.max(part.first, pruned + 1) }));
  if (kept.length > 0) return kept;
  throw tooOld(batch.header.node);
}

/**
 * Whether all that a batch tells of lies in a stretch of its node that is gone (of an epoch that is known:
 * that was its own): nearly always it comes again. Who goes on after that is let in, and told to begin anew.
 */
export function isGone(store: HistoryStore, { header }: PreparedBatch, known?: number): boolean {
  if (header.imported) return false;
  const { node, epoch, dropped, firstSeq, lastSeq } = header;
  const t = lastSeq >= firstSeq ? header.lastT : Math.max(...dropped.map(({ lastT }) => lastT));
  return store.gone().some((gone) => {
    if (gone.node !== node || t < gone.from) return false;
    if (t <= gone.until) return known === undefined || gone.epoch === known;
    return gone.wentOn?.some((run) => run.epoch === epoch && t <= run.lastT) === true;
  });
}

export function tooOld(node: string): RetroError {
  return new RetroError("too-old", `${node}: events older than what is retained`, {
    hint: "History of that time was removed already. Raise the retention to keep more.",
    details: { node },
  });
}
