/**
 * Which cells a stretch of joined messages has: what stands under the stretch's own key, as JSON.
 *
 *     {"0":[14500,1,3]}     level 0 has cells 14500, 14501, 14504
 *
 * A cell without messages has no record, and one whose key is damaged is not found: the list tells them apart.
 */
import type { MessageCell } from "./history-store.ts";

export function encodeCellList(cells: readonly MessageCell[]): Buffer {
  const byLevel: Record<string, number[]> = {};
  const latest = new Map<number, number>();
  for (const { level, index } of [...cells].sort((a, b) => a.index - b.index)) {
    byLevel[level] ??= [];
    byLevel[level].push(index - (latest.get(level) ?? 0));
    latest.set(level, index);
  }
  return Buffer.from(JSON.stringify(byLevel));
}

/** Whether the list names the cell. An empty one is of a version that wrote none: it names nothing. */
export function namesCell(list: Buffer, level: number, index: number): boolean {
  if (list.length === 0) return false;
  const steps = (JSON.parse(list.toString()) as Record<string, number[]>)[level] ?? [];
  let at = 0;
  return steps.some((step) => {
    at += step;
    return at === index;
  });
}
