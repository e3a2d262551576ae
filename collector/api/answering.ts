/** What every route is given to answer with. */
import type { Hlc } from "../../agent/kernel/index.ts";
import type { History } from "../cut/history.ts";

export interface Answering {
  readonly history: History;
  /** The collector's clock: what `now` and relative times refer to. */
  readonly now: () => Hlc;
}
