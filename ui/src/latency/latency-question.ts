/** What the page asks of `/api/latency`. By itself, since it loads with the page and what draws the answer does not. */
import type { Hlc } from "../../../agent/kernel/index.ts";

export interface LatencyQuestion {
  readonly from: Hlc;
  readonly to: Hlc;
  readonly windowMs: number;
}

/** Asked for: so many rows of the heat map a doubling of latency. */
export const CELLS_PER_DOUBLING = 4;
