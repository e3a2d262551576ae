/**
 * Numbers the lines of a file as an import of it will (event-lines.ts): per node, from 1, a join of
 * its own where the file has none, a lost line counting its events, a further join beginning a new run.
 * For the one field of a line that names another line by its number: `replaces`.
 */
import type { Json } from "../../agent/kernel/index.ts";

/** A send is replaced by one that follows it closely; older ones are forgotten. */
const REMEMBERED_SENDS = 1_024;

export class SeqCounter {
  readonly #next = new Map<string, number>();
  /** Per node, of sends: the agent's epoch and seq, to the number in the file. */
  readonly #sends = new Map<string, Map<string, number>>();

  /** Counts a line that is about to be written; returns its number. */
  count(line: { readonly [field: string]: Json }): number {
    const node = line["node"] as string;
    const isJoin = line["kind"] === "join";
    const number = isJoin ? 1 : (this.#next.get(node) ?? 2);
    const size =
      line["kind"] === "closed" ? 0 : line["kind"] === "lost" ? Number(line["events"]) : 1;
    this.#next.set(node, number + size);
    return number;
  }

  /** Remembers which send of the agent got this number. */
  remember(node: string, send: string, number: number): void {
    let sends = this.#sends.get(node);
    if (sends === undefined) {
      sends = new Map();
      this.#sends.set(node, sends);
    }
    sends.set(send, number);
    if (sends.size > REMEMBERED_SENDS) sends.delete(sends.keys().next().value as string);
  }

  /** The number of a remembered send. */
  numberOf(node: string, send: string): number | undefined {
    return this.#sends.get(node)?.get(send);
  }
}
