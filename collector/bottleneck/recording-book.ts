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
import { finish, type Work } from "../cut/turns.ts";
import { CallJoiner } from "./call-joiner.ts";
import { NodeBook } from "./node-book.ts";
import type { NodeRecording } from "./recording.ts";

/** Requests in a book, at most: some 150 MB. */
export const MAX_REQUESTS = 300_000;

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

  /** Whether load of a node has come: requests of others are not asked for. */
  hasLoad(node: string): boolean {
    return this.#nodes.get(node)?.loadEndUs !== undefined;
  }

  /** Whether anything remarkable came since this was asked last: a look is worth its while now. */
  takeStir(): boolean {
    // Each is asked: what it knows is taken.
    return [...this.#nodes.values()].map((book) => book.takeStir()).includes(true);
  }

  /** Requests of all nodes. */
  get requestCount(): number {
    let count = 0;
    for (const book of this.#nodes.values()) count += book.requestCount;
    return count;
  }

  /** Lets the oldest requests go where there are more than `most`: tiers are told by load alone then, that far back. */
  shedRequests(most: number = MAX_REQUESTS): void {
    const count = this.requestCount;
    if (count <= most) return;
    for (const book of this.#nodes.values()) {
      book.keepNewest(Math.floor((book.requestCount * most) / count));
    }
    const oldest = [...this.#nodes.values()].flatMap(({ firstRequestUs }) => firstRequestUs ?? []);
    this.#joiner.dropBefore(Math.min(...oldest));
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
    return finish(this.assembling());
  }

  /** The same, in steps of some milliseconds; nothing may be added meanwhile. */
  *assembling(): Work<NodeRecording[]> {
    yield* this.#joiner.join();
    const recordings: NodeRecording[] = [];
    for (const book of this.#nodes.values()) {
      recordings.push(book.recording());
      yield;
    }
    return recordings;
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
