/**
 * Numbers the lines of a file as an import of it will: per node, from 1, a lost line counting its
 * events, a second join beginning a new run. For the one field of a line that names another line by
 * its number (`replaces`).
 */
import type { Json } from "../../agent/kernel/index.ts";

/** A send is replaced by one that follows it closely; older ones are forgotten. */
const REMEMBERED_SENDS = 1_024;

export class SeqCounter {
  readonly #next = new Map<string, number>();
  /** Per node, of sends: the agent's epoch and seq, to the number in the file. */
  readonly #sends = new Map<string, Map<string, number>>();

  /** Counts a line that is about to be written. */
  count(line: { readonly [field: string]: Json }): void {
    const node = line["node"] as string;
    if (line["kind"] === "closed") return;
    const isJoin = line["kind"] === "join";
    const next = isJoin ? 1 : (this.#next.get(node) ?? 1);
    const size = line["kind"] === "lost" ? Number(line["events"]) : 1;
    this.#next.set(node, next + size);
  }

  /** The send with this name will be the next line of its node. */
  remember(node: string, epoch: number, seq: number): void {
    let sends = this.#sends.get(node);
    if (sends === undefined) {
      sends = new Map();
      this.#sends.set(node, sends);
    }
    sends.set(`${epoch}/${seq}`, this.#next.get(node) ?? 1);
    if (sends.size > REMEMBERED_SENDS) sends.delete(sends.keys().next().value as string);
  }

  /** Where a remembered send stands in the file. */
  seqInFile(node: string, epoch: number, seq: number): number | undefined {
    return this.#sends.get(node)?.get(`${epoch}/${seq}`);
  }
}
