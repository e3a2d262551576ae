/**
 * Room for epochs: each costs memory for as long as it is kept, however little is in it. What is durable is
 * counted by the index; what only the group at hand brings is counted here.
 */
import { RetroError } from "../../agent/kernel/index.ts";
import type { EpochIndex } from "./epoch-index.ts";

/** How much the collector takes on. Beyond it new epochs are refused, `overloaded`; old ones go on. */
export interface EpochLimits {
  readonly maxNodes: number;
  readonly maxEpochsPerNode: number;
  readonly maxEpochs: number;
  /** Memory for all that is known of them: long names, tags and many logs cost more. */
  readonly maxIndexBytes: number;
}

/** What is known of logs that have as many variables as they may have: cut/full-logs.ts. */
export interface FullLogsView {
  isFull(epochId: number, log: string): boolean;
  knows(epochId: number, log: string, key: string): boolean;
}

export const DEFAULT_EPOCH_LIMITS: EpochLimits = {
  maxNodes: 10_000,
  maxEpochsPerNode: 10_000,
  maxEpochs: 100_000,
  maxIndexBytes: 512 * 1024 * 1024,
};

export class EpochRoom {
  readonly #index: EpochIndex;
  readonly #limits: EpochLimits;
  /** Epochs that only this group knows, by node. */
  readonly #newOf = new Map<string, number>();
  #newEpochCount = 0;
  #newNodeCount = 0;

  constructor(index: EpochIndex, limits: EpochLimits) {
    this.#index = index;
    this.#limits = limits;
  }

  /** @throws RetroError `overloaded` if the node may not have another epoch */
  check(node: string): void {
    const { maxNodes, maxEpochsPerNode, maxEpochs, maxIndexBytes } = this.#limits;
    const newOfNode = this.#newOf.get(node) ?? 0;
    const isNewNode = newOfNode === 0 && !this.#index.hasNode(node);
    if (isNewNode && this.#index.nodeCount + this.#newNodeCount >= maxNodes) {
      throw tooMany(`${maxNodes} nodes`, "too-many-nodes");
    }
    if (this.#index.epochCountOf(node) + newOfNode >= maxEpochsPerNode) {
      throw tooMany(`${maxEpochsPerNode} epochs of ${node}`, "too-many-epochs-of-node");
    }
    if (this.#index.epochCount + this.#newEpochCount >= maxEpochs) {
      throw tooMany(`${maxEpochs} epochs`, "too-many-epochs");
    }
    if (this.#index.bytes >= maxIndexBytes) {
      throw tooMany(`${maxIndexBytes} bytes about epochs`, "index-full");
    }
  }

  /** Counts the new epochs of this group, `by` more or fewer of a node. */
  count(node: string, by: 1 | -1): void {
    const before = this.#newOf.get(node) ?? 0;
    this.#newEpochCount += by;
    if (before + by > 0) this.#newOf.set(node, before + by);
    else this.#newOf.delete(node);
    if (!this.#index.hasNode(node) && Math.min(before, before + by) === 0) this.#newNodeCount += by;
  }
}

function tooMany(what: string, reason: string): RetroError {
  return new RetroError("overloaded", `the collector keeps ${what} and takes no more`, {
    retriable: true,
    hint: "Give what restarts a stable node id, or start a collector with an empty directory.",
    details: { reason },
  });
}
