/**
 * What the memory store keeps of messages: violations and slow ones in plain lists, and the stretches
 * whose messages are joined, with their cells.
 */
import type { Hlc } from "../../agent/kernel/index.ts";
import type {
  MessageCell,
  MessageStretch,
  SlowMessageRecord,
  ViolationRecord,
} from "./history-store.ts";
import { JoinedStretches, MessageClaims } from "./joined.ts";

export class MemoryMessages {
  readonly claims: MessageClaims = new MessageClaims();
  #violations: ViolationRecord[] = [];
  #slow: SlowMessageRecord[] = [];
  #joined = new JoinedStretches();
  /** Cells by level and index, by the beginning of their stretch. */
  readonly #cells = new Map<number, ReadonlyMap<string, Uint8Array>>();

  get stretches(): readonly MessageStretch[] {
    return this.#joined.all;
  }

  put(violations: readonly ViolationRecord[], slow: readonly SlowMessageRecord[]): void {
    this.#violations.push(...violations);
    this.#slow.push(...slow);
  }

  /** Ascending by receive. */
  violations(holds: (one: ViolationRecord) => boolean): ViolationRecord[] {
    return this.#violations.filter(holds).sort((a, b) => a.receiveT - b.receiveT);
  }

  /** Ascending by send. */
  slow(holds: (one: SlowMessageRecord) => boolean): SlowMessageRecord[] {
    return this.#slow.filter(holds).sort((a, b) => a.sendT - b.sendT);
  }

  /** Keeps the cells of a claimed stretch, unless the claim was broken. */
  join(claim: MessageStretch, cells: readonly MessageCell[]): void {
    if (!this.claims.isOpen(claim)) return;
    this.claims.close(claim);
    this.#joined = this.#joined.with(claim);
    const byPlace = cells.map(({ level, index, bytes }) => [`${level}/${index}`, bytes] as const);
    this.#cells.set(claim.from, new Map(byPlace));
  }

  cell(from: Hlc, level: number, index: number): Uint8Array | undefined {
    return this.#cells.get(from)?.get(`${level}/${index}`);
  }

  /** Events with t in [from, to] were stored: what was joined of that time no longer holds. */
  arrived(from: Hlc, to: Hlc): void {
    this.claims.breakTouching(from, to);
    this.#drop(this.#joined.touching(from, to));
  }

  /** Times before this are pruned. */
  pruned(before: number): void {
    this.claims.breakTouching(Number.NEGATIVE_INFINITY, before - 1);
    this.#drop(this.#joined.all.filter(({ from }) => from < before));
  }

  /** Removes violations and slow messages that were over before that time; their stretches [start, end]. */
  sweep(before: Hlc, limit: number): readonly (readonly [start: number, end: number])[] {
    const removed: [start: number, end: number][] = [];
    const stays = ({ sendT, receiveT }: ViolationRecord): boolean => {
      if (removed.length >= limit || Math.max(sendT, receiveT) >= before) return true;
      removed.push([Math.min(sendT, receiveT), Math.max(sendT, receiveT)]);
      return false;
    };
    this.#violations = this.#violations.filter(stays);
    this.#slow = this.#slow.filter(stays);
    return removed;
  }

  #drop(stretches: readonly MessageStretch[]): void {
    for (const { from } of stretches) this.#cells.delete(from);
    this.#joined = this.#joined.without(stretches);
  }
}
