/**
 * Through which broker a client entered its cluster, heard from kafkajs's own event on each request (a
 * public one; the list of brokers is hidden in a closure). One look is enough: a cluster is one party,
 * and the bootstrap broker, which says who else belongs to it, is its name.
 *
 * Whoever may see our header there is also believed there: what a consumer reads has passed the cluster,
 * and its sender cannot be known by address.
 */
import type { Observable } from "./kafkajs-shapes.ts";
import type { HookContext } from "./stamping.ts";

const EVENT = "REQUEST";

export class ClusterDoor {
  readonly #context: HookContext;
  #isTrusted: boolean | undefined;

  /** @throws whatever: the client tells no requests, as kafkajs does */
  constructor(client: Observable, context: HookContext) {
    this.#context = context;
    const event = client.events?.[EVENT];
    if (typeof client.on !== "function" || typeof event !== "string") {
      throw new TypeError("this client does not tell its requests");
    }
    const stop = client.on(event, (told: unknown) => {
      const broker = (told as { payload?: { broker?: unknown } } | undefined)?.payload?.broker;
      if (this.#isTrusted !== undefined || typeof broker !== "string") return;
      this.#isTrusted = this.#judge(broker);
      if (typeof stop === "function") stop();
    });
  }

  /**
   * Whether our header may pass there; `undefined` before the client has connected, when a send fails
   * anyway.
   */
  get isTrusted(): boolean | undefined {
    return this.#isTrusted;
  }

  #judge(broker: string): boolean {
    const colon = broker.lastIndexOf(":");
    const host = colon === -1 ? broker : broker.slice(0, colon);
    const port = colon === -1 ? Number.NaN : Number(broker.slice(colon + 1));
    const { destinations, senders } = this.#context;
    const known = Number.isInteger(port) ? port : undefined;
    return destinations.allows(host, known) || senders.allows(host, known);
  }
}
