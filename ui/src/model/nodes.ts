/** What `/api/nodes` says, with times as ticks and nodes in the order of their lanes. */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { NodesJson } from "../../../collector/api/shapes.ts";
import { ticksOf } from "../api/client.ts";

export interface NodeFacts {
  readonly node: string;
  readonly service: string;
  readonly status: string;
  readonly epoch: number;
  readonly watermark: Hlc;
  readonly lostRangeCount: number;
  /** When it was there. `end` is null while it may still be. */
  readonly epochs: readonly { readonly joined: Hlc; readonly end: Hlc | null }[];
  /** Place in the sorted node ids: gives the colour, and stays while nodes come later in order. */
  readonly hue: number;
}

export interface NodesFacts {
  readonly now: Hlc;
  readonly extent: { readonly first: Hlc; readonly last: Hlc } | null;
  /** The lowest watermark of the live nodes. */
  readonly watermark: Hlc | null;
  /** Who holds that watermark back; null without live nodes. */
  readonly heldBy: string | null;
  /** By service, then node, numbers inside names in their order. */
  readonly nodes: readonly NodeFacts[];
}

/** Colours repeat after this many nodes. */
export const HUES = 20;

const collator = new Intl.Collator("en", { numeric: true });
/** n2 before n10. */
export const byName = (a: string, b: string): number => collator.compare(a, b) || (a < b ? -1 : 1);

export function readNodes(json: NodesJson): NodesFacts {
  const hues = new Map(
    json.nodes
      .map(({ node }) => node)
      .sort(byName)
      .map((node, place) => [node, place % HUES]),
  );
  const nodes = json.nodes
    .map((one) => ({
      node: one.node,
      service: one.service,
      status: one.status,
      epoch: one.epoch,
      watermark: ticksOf(one.watermark),
      lostRangeCount: one.lost.length,
      epochs: one.epochs.map(({ joined, end }) => ({
        joined: ticksOf(joined),
        end: end && ticksOf(end),
      })),
      hue: hues.get(one.node) ?? 0,
    }))
    .sort((a, b) => byName(a.service, b.service) || byName(a.node, b.node));
  const live = nodes.filter(({ status }) => status === "live");
  const held = live.reduce<NodeFacts | null>(
    (lowest, one) => (lowest === null || one.watermark < lowest.watermark ? one : lowest),
    null,
  );
  return {
    now: ticksOf(json.now),
    extent: json.extent && { first: ticksOf(json.extent.first), last: ticksOf(json.extent.last) },
    watermark: json.watermark && ticksOf(json.watermark),
    heldBy: held?.node ?? null,
    nodes,
  };
}

/** Whether the node was there at any time of the view. One that never joined by our record was. */
export function wasThere({ epochs }: NodeFacts, view: { from: Hlc; to: Hlc }): boolean {
  return (
    epochs.length === 0 ||
    epochs.some(({ joined, end }) => joined <= view.to && (end === null || end >= view.from))
  );
}
