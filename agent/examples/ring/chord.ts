/**
 * One node of a Chord-like ring: who follows it, who precedes it, and how both are kept right while nodes
 * join, leave and fail. No fingers: with a handful of nodes a lookup goes from successor to successor.
 *
 *        a ----------> c          b has joined: its successor is c, and nobody knows of it yet
 *            b ------> c          b stabilises: notifies c, whose predecessor it becomes
 *        a --> b ----> c          a stabilises: asks c who precedes it, and finds b in between
 *
 * Each node knows its next `LIST_LENGTH` successors, so that as many failures less one, at once, leave it a
 * way on. Nothing here knows of HTTP, time or the agent: `call` reaches another node, `changed` is told
 * whatever the node believes from now on.
 *
 * Source: Stoica et al., "Chord", 2001; a node's list is cut where it meets itself and an entry that does not
 * answer goes at once, after Zave, "How to Make Chord Correct", 2017.
 */
import { identifierOf, isBetween } from "./identifiers.ts";

export const LIST_LENGTH = 3;
const MAX_HOPS = 32;

/** What nodes ask of each other, and what they answer. */
export type Question =
  | { readonly ask: "neighbours" }
  | { readonly ask: "find"; readonly id: number; readonly hops: number }
  | { readonly ask: "notify"; readonly from: string }
  | {
      readonly ask: "leaving";
      readonly from: string;
      readonly predecessor: string | null;
      readonly successors: readonly string[];
    };

/** What a node believes; `find` answers with the owner first among `successors`. */
export interface Neighbours {
  readonly predecessor: string | null;
  readonly successors: readonly string[];
}

export interface ChordPorts {
  /** Rejects if the node cannot be reached, or is no member. */
  readonly call: (to: string, question: Question) => Promise<Neighbours>;
  /** After each change of what the node believes; `null`: it is no member any more. */
  readonly changed: (neighbours: Neighbours | null) => void;
}

export class ChordNode {
  readonly #name: string;
  readonly #id: number;
  readonly #ports: ChordPorts;
  #successors: readonly string[] = [];
  #predecessor: string | null = null;

  constructor(name: string, ports: ChordPorts) {
    this.#name = name;
    this.#id = identifierOf(name);
    this.#ports = ports;
  }

  get isMember(): boolean {
    return this.#successors.length > 0;
  }

  get neighbours(): Neighbours {
    return { predecessor: this.#predecessor, successors: this.#successors };
  }

  /** Begins a ring of its own. */
  begin(): void {
    this.#adopt([this.#name]);
  }

  /** Joins by way of a member: whoever owns our place is our successor. Rejects if that cannot be asked. */
  async join(member: string): Promise<void> {
    const question: Question = { ask: "find", id: this.#id, hops: 0 };
    const { successors } = await this.#ports.call(member, question);
    const [owner = member] = successors;
    // Of an earlier life of ours, which nobody has missed yet: what is asked for lies behind it.
    if (owner === this.#name) throw new Error("somebody still takes this node for a member");
    const { successors: rest } = await this.#ports.call(owner, { ask: "neighbours" });
    this.#adopt([owner, ...rest]);
  }

  /** One round: makes sure of the successor, tells it of us, makes sure of the predecessor. */
  async stabilise(): Promise<void> {
    const first = this.#successors[0];
    if (first === undefined) return;
    const theirs = await this.#ask(first);
    if (this.#successors[0] !== first) return; // somebody left meanwhile: the next round sees to it
    if (theirs === undefined) {
      // It does not answer: the next in the list takes its place, at worst we are alone.
      this.#adopt(this.#successors.slice(1));
      return;
    }
    let list = [first, ...theirs.successors];
    const between = theirs.predecessor;
    if (between !== null && isBetween(identifierOf(between), this.#id, identifierOf(first))) {
      const its = await this.#ask(between);
      if (this.#successors[0] !== first) return;
      if (its !== undefined) list = [between, ...its.successors];
    }
    this.#adopt(list);
    await this.#notifySuccessor();
    await this.#checkPredecessor();
  }

  /** Answers another node. @throws Error while it is no member, or if a lookup goes astray */
  async answer(question: Question): Promise<Neighbours> {
    if (!this.isMember) throw new Error(`${this.#name} is no member`);
    if (question.ask === "find") return this.#find(question.id, question.hops);
    if (question.ask === "notify") this.#consider(question.from);
    if (question.ask === "leaving") this.#letGo(question);
    return this.neighbours;
  }

  /** Leaves in good order: neighbours are told who takes whose place. Those that fail will find out. */
  async leave(): Promise<void> {
    const { predecessor, successors } = this.neighbours;
    this.#successors = [];
    this.#predecessor = null;
    this.#ports.changed(null);
    const message: Question = { ask: "leaving", from: this.#name, predecessor, successors };
    const told = new Set([predecessor, successors[0]]);
    for (const name of told) {
      if (name === null || name === undefined || name === this.#name) continue;
      await this.#ports.call(name, message).catch(() => undefined);
    }
  }

  async #find(id: number, hops: number): Promise<Neighbours> {
    const first = this.#successors[0] as string;
    const end = identifierOf(first);
    if (id === end || isBetween(id, this.#id, end))
      return { predecessor: null, successors: [first] };
    if (hops >= MAX_HOPS) throw new Error(`${id} was not found within ${MAX_HOPS} hops`);
    return this.#ports.call(first, { ask: "find", id, hops: hops + 1 });
  }

  async #notifySuccessor(): Promise<void> {
    const first = this.#successors[0];
    if (first === undefined || first === this.#name) return;
    // If it fails, the next round does without it.
    const question: Question = { ask: "notify", from: this.#name };
    await this.#ports.call(first, question).catch(() => undefined);
  }

  async #checkPredecessor(): Promise<void> {
    const known = this.#predecessor;
    if (known === null || (await this.#ask(known)) !== undefined) return;
    if (this.#predecessor === known) this.#precededBy(null);
  }

  /** `from` takes us for its successor. */
  #consider(from: string): void {
    const known = this.#predecessor;
    const isNearer = known === null || isBetween(identifierOf(from), identifierOf(known), this.#id);
    if (from !== this.#name && isNearer) this.#precededBy(from);
  }

  #letGo({ from, predecessor, successors }: Question & { readonly ask: "leaving" }): void {
    if (this.#predecessor === from)
      this.#precededBy(predecessor === this.#name ? null : predecessor);
    if (!this.#successors.includes(from)) return;
    const others = this.#successors.filter((name) => name !== from);
    this.#adopt(this.#successors[0] === from ? successors : others);
  }

  /** What a node answers of its neighbours; undefined: it does not. */
  async #ask(name: string): Promise<Neighbours | undefined> {
    if (name === this.#name) return this.neighbours;
    return this.#ports.call(name, { ask: "neighbours" }).catch(() => undefined);
  }

  #adopt(list: readonly string[]): void {
    const self = list.indexOf(this.#name);
    const others = [...new Set(self < 0 ? list : list.slice(0, self))].slice(0, LIST_LENGTH);
    const adopted = others.length === 0 ? [this.#name] : others;
    if (adopted.join() === this.#successors.join()) return;
    this.#successors = adopted;
    this.#ports.changed(this.neighbours);
  }

  #precededBy(name: string | null): void {
    if (name === this.#predecessor) return;
    this.#predecessor = name;
    this.#ports.changed(this.neighbours);
  }
}
