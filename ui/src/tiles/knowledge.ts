/** How far history was known when a tile was asked for: what decides whether it may have changed. */
import type { NodesFacts } from "../model/nodes.ts";

export interface Knowledge {
  /** Changes when a node or a run of one comes or goes: then any stretch may have changed. */
  readonly members: string;
  /** Of each member: up to here all is known. */
  readonly watermarks: Float64Array;
  /** The newest event. */
  readonly last: number;
}

export function knowledgeOf({ nodes, extent }: NodesFacts): Knowledge {
  return {
    // A lost range that is declared, or repaired, changes what is hatched and flagged.
    members: nodes
      .map(({ node, epochs, lostRangeCount }) => `${node}/${epochs.length}/${lostRangeCount}`)
      .join("\n"),
    watermarks: Float64Array.from(nodes, ({ watermark }) => watermark),
    last: extent?.last ?? Number.NEGATIVE_INFINITY,
  };
}
