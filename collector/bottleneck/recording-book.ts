/**
 * Puts recordings together from what comes in pieces, in any order and more than once: side blocks by second
 * and part, request events, and the receives that join a call to the request it became.
 *
 *     caller's call --sendSeq--> send  <--from-- receive --t--> callee's request (arrived)
 *
 * The same book serves a question about the past, which fills it once, and live detection, which goes on
 * filling it and lets go of what is old.
 */

import type { SideBlock } from "../../agent/kernel/index.ts";
import type { NodeEvent } from "../cut/history.ts";
import { CallJoiner } from "./call-joiner.ts";
import { NodeBook } from "./node-book.ts";
import type { NodeRecording } from "./recording.ts";

export class RecordingBook {
  readonly #nodes = new Map<string, NodeBook>();
  readonly #joiner = new CallJoiner();
  /** Blocks that could not be decoded. */
  refusedCount = 0;

  /** A side block of one run of a node. One that came before changes nothing. */
  addBlock(node: string, service: string, epoch: number, block: SideBlock): void {
    if (!this.#book(node, service).addBlock(epoch, block)) this.refusedCount += 1;
  }

  /** A `request` or `receive` event; others are none of ours. Each once. */
  addEvent(one: NodeEvent): void {
    const { node, service, epoch, event } = one;
    if (event.kind === "receive") this.#joiner.addReceive(node, event);
    if (event.kind !== "request") return;
    const request = this.#joiner.addRequest(node, epoch, event);
    this.#book(node, service).addRequest(request);
  }

  /** Lets go of what ended before, by the nodes' own clocks. */
  dropBefore(us: number): void {
    this.#joiner.dropBefore(us);
    for (const [node, book] of this.#nodes) {
      book.dropBefore(us);
      if (book.isEmpty) this.#nodes.delete(node);
    }
  }

  /** Up to where the load of the node that is furthest behind, or of the one furthest ahead, is known; us. */
  knownUntil(): { readonly leastUs: number; readonly mostUs: number } | undefined {
    const ends = [...this.#nodes.values()].flatMap(({ loadEndUs }) => loadEndUs ?? []);
    if (ends.length === 0) return undefined;
    return { leastUs: Math.min(...ends), mostUs: Math.max(...ends) };
  }

  /** All that is in it now, by node. */
  recordings(): NodeRecording[] {
    this.#joiner.join();
    return [...this.#nodes.values()].map((book) => book.recording());
  }

  #book(node: string, service: string): NodeBook {
    let book = this.#nodes.get(node);
    if (book === undefined) {
      book = new NodeBook(node, service);
      this.#nodes.set(node, book);
    }
    return book;
  }
}
