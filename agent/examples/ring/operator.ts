/**
 * Who starts, kills and asks the nodes of the ring. It has an agent too: what it did is part of the history,
 * and by asking the nodes over HTTP its stamps come after all that they have told it.
 */
import { fileURLToPath } from "node:url";
import { type Agent, type Hlc, startAgent } from "retroscope";
import { freePort, type ProcessGroup, waitFor } from "../processes.ts";
import { LIST_LENGTH, type Neighbours } from "./chord.ts";
import { type Action, type ChurnStep, textOf } from "./churn.ts";
import { inRingOrder } from "./identifiers.ts";
import type { AddressBook } from "./messages.ts";
import { KILLED_LOG, OPERATOR } from "./one-ring.ts";

const SETTLE_WAIT_MS = 60_000;
const ASK_WAIT_MS = 5_000;
/** How long a goodbye may take: longer than by default, as whoever asks for cuts waits for all of them. */
const GOODBYE_MS = 5_000;

export class Operator {
  readonly #agent: Agent;
  readonly #group: ProcessGroup;
  readonly #url: string;
  readonly #book: AddressBook;
  readonly #skewOf: (name: string) => number;
  /** How often each node was started. */
  readonly #runs = new Map<string, number>();
  readonly #members = new Set<string>();

  /** `skewOf`: by how many milliseconds a node's clock is off. */
  static async start(
    group: ProcessGroup,
    url: string,
    names: readonly string[],
    skewOf: (name: string) => number,
  ): Promise<Operator> {
    const book = new Map<string, number>();
    for (const name of names) book.set(name, await freePort());
    return new Operator(group, url, book, skewOf);
  }

  private constructor(
    group: ProcessGroup,
    url: string,
    book: AddressBook,
    skewOf: (name: string) => number,
  ) {
    this.#group = group;
    this.#url = url;
    this.#book = book;
    this.#skewOf = skewOf;
    // The collector runs in this process too: its server is none of the ring's.
    this.#agent = startAgent({
      service: OPERATOR,
      node: OPERATOR,
      collector: url,
      hooks: ["fetch"],
      quiet: true,
    });
    for (const name of book.keys()) this.#agent.log(KILLED_LOG).set(name, 0);
  }

  /** A time later than all that the nodes have answered by now. */
  now(): Hlc {
    return this.#agent.now();
  }

  /** Takes a step, and records it first. Returns when it was recorded. */
  async take(step: ChurnStep): Promise<Hlc> {
    const t = this.#agent.log("churn").set("step", textOf(step));
    await Promise.all(step.map((action) => this.#act(action)));
    return t;
  }

  /** Waits until the members believe what they should, lists and predecessors too. */
  async settled(): Promise<void> {
    await waitFor("the ring has settled", SETTLE_WAIT_MS, async () => {
      const order = inRingOrder(this.#members);
      const beliefs = await Promise.all(order.map((name) => this.#ask(name, "neighbours")));
      return beliefs.every(({ successors, predecessor }, i) => {
        const others = [...order.slice(i + 1), ...order.slice(0, i)];
        const expected = others.length === 0 ? [order[i]] : others.slice(0, LIST_LENGTH);
        return successors.join() === expected.join() && predecessor === (others.at(-1) ?? null);
      });
    });
  }

  /** Stops all nodes and ends the agent. */
  async stop(): Promise<void> {
    await this.#group.stopAll([...this.#members]);
    this.#members.clear();
    await this.#agent.flush();
    await this.#agent.close({ budgetMs: GOODBYE_MS });
  }

  async #act({ kind, node }: Action): Promise<void> {
    if (kind === "join") {
      this.#launch(node);
      return;
    }
    this.#members.delete(node);
    if (kind === "leave") {
      await this.#ask(node, "leave");
      await this.#group.stop(node);
      return;
    }
    await this.#group.stop(node, "SIGKILL");
    this.#agent.log(KILLED_LOG).set(node, this.#runs.get(node));
  }

  #launch(name: string): void {
    const run = (this.#runs.get(name) ?? 0) + 1;
    this.#runs.set(name, run);
    const headers: Record<string, string> = {};
    this.#agent.stamp(headers);
    const file = fileURLToPath(new URL("ring-node.js", import.meta.url));
    this.#group.start(name, file, [], {
      RETROSCOPE_COLLECTOR: this.#url,
      RING_NODE: name,
      RING_RUN: String(run),
      RING_ADDRESSES: [...this.#book].map(([one, port]) => `${one}=${port}`).join(","),
      RING_MEMBERS: [...this.#members].join(","),
      RING_SKEW_MS: String(this.#skewOf(name)),
      RING_STAMP: headers["retroscope-hlc"] ?? "",
    });
    this.#members.add(name);
  }

  async #ask(name: string, question: "neighbours" | "leave"): Promise<Neighbours> {
    const reply = await fetch(`http://127.0.0.1:${this.#book.get(name)}/`, {
      method: "POST",
      body: JSON.stringify({ ask: question }),
      signal: AbortSignal.timeout(ASK_WAIT_MS),
    });
    if (!reply.ok) throw new Error(`${name} answered ${reply.status}`);
    return (await reply.json()) as Neighbours;
  }
}
