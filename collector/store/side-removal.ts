/** Which side blocks a removal takes: the same answer for both adapters. */
import type { SideRemoval } from "./history-store.ts";

/** Whether a removal takes a block. */
export function isRemoved(
  { arrivedBeforeMs, beforeSecond }: SideRemoval,
  { arrivalMs, second }: { readonly arrivalMs: number; readonly second: number },
): boolean {
  const isOld = arrivedBeforeMs !== undefined && arrivalMs < arrivedBeforeMs;
  return isOld || (beforeSecond !== undefined && second < beforeSecond);
}
