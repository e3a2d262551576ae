/** Two processes that took the same node id in the same millisecond: only their joins tell them apart. */
import type { EpochDraft } from "./epoch-draft.ts";
import type { PreparedBatch } from "./prepare.ts";

/**
 * Whether a batch is of another process with the same node id that began in the same millisecond: its
 * join says another instance. Its seqs mean other events than ours: nothing of it can be stored.
 */
export function isForeign(
  { header, facts }: PreparedBatch,
  draft: Pick<EpochDraft, "instance">,
): boolean {
  if (header.imported || draft.instance === "") return false;
  return facts.join !== undefined && facts.join.instance !== draft.instance;
}
