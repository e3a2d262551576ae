/** What every question of this folder works with. */
import type { HistoryStore } from "../store/history-store.ts";
import type { EpochSource } from "./epoch-source.ts";
import type { CutLimits } from "./limits.ts";
import { type Membership, membershipOf } from "./membership.ts";
import type { MessageSource } from "./message-source.ts";
import type { MessageWindows } from "./message-windows.ts";
import type { SlowMessages } from "./slow-messages.ts";
import type { CutTimers } from "./timers.ts";

export interface CutContext {
  readonly store: HistoryStore;
  readonly source: EpochSource;
  readonly messages: MessageSource;
  readonly windows: MessageWindows;
  readonly slow: SlowMessages;
  readonly limits: CutLimits;
  readonly timers: CutTimers;
}

/** The nodes as they are known now, without runs that only messages name (unknown-senders.ts). One question asks once, so that its parts agree. */
export function membersNow({ store }: CutContext): Membership {
  return membershipOf(store.epochs().filter(({ named }) => named !== true));
}
