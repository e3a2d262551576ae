/** What the producers and consumers of one installed hook share. */
import type { HookGuard } from "./hook-guard.ts";
import { ClusterDoor } from "./kafkajs-broker.ts";
import type { Observable } from "./kafkajs-shapes.ts";
import type { HookContext } from "./stamping.ts";

/** Names of topics whose peer text is kept; when full, all are forgotten. */
const MAX_REMEMBERED_TOPICS = 1_024;

export class KafkaSide {
  readonly context: HookContext;
  readonly guard: HookGuard;
  readonly #peers = new Map<string, string>();

  constructor(context: HookContext, guard: HookGuard) {
    this.context = context;
    this.guard = guard;
  }

  /** The other side of every message of a topic, as counters and sends name it: `kafka:orders`. */
  peerOf(topic: string): string {
    const known = this.#peers.get(topic);
    if (known !== undefined) return known;
    const peer = `kafka:${topic}`;
    if (this.#peers.size >= MAX_REMEMBERED_TOPICS) this.#peers.clear();
    this.#peers.set(topic, peer);
    return peer;
  }

  doorOf(client: Observable): ClusterDoor {
    return new ClusterDoor(client, this.context);
  }

  /** Runs what must not reach the host. */
  guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.guard.caught(error);
    }
  }
}
