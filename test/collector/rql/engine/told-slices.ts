/**
 * Told histories as slices of columns: real batches and sealed blocks of what happened, cut anywhere. Only
 * histories in which nothing is lost and nobody leaves have them.
 */
import {
  type Batch,
  BatchBuilder,
  decodeBatch,
  encodeBatch,
  fromJsonForm,
  type Hlc,
  KindCode,
} from "../../../../agent/kernel/index.ts";
import type {
  ColumnPart,
  ColumnSlice,
  HeldAtStart,
} from "../../../../collector/cut/column-shapes.ts";
import type { Column } from "../../../../collector/rql/check/bound.ts";
import type { CutState } from "../../../../collector/rql/interpret/cut-sequence.ts";
import { decodeSegmentHeader } from "../../../../collector/store/segment-header.ts";
import { sealed, stored } from "../../../support/segments.ts";
import { cutsOf, type Happening } from "../told-cuts.ts";

export interface ToldSlices {
  readonly happenings: readonly Happening[];
  readonly nodes: readonly string[];
  readonly columns: readonly Column[];
  /** Events in a batch. */
  readonly batchEvents: number;
  /** Whether batches are sealed: all of each node in one segment. */
  readonly isSealed: boolean;
  /** Whether slices say of sealed nodes what they held before their segment, which is nothing. */
  readonly isHeldBefore?: boolean;
  /** Default: all are of one. */
  readonly services?: { readonly [node: string]: string };
}

/** The slice (after, to]. */
export function sliceOf(told: ToldSlices, after: Hlc, to: Hlc): ColumnSlice {
  const { nodes, columns } = told;
  const state = stateAt(told, after);
  const parts = nodes.flatMap((_, node) => partsOf(told, node, after, to));
  const held: HeldAtStart[] = [];
  for (const [node, id] of nodes.entries()) {
    if (told.isHeldBefore === true && told.isSealed && parts.some((part) => part.node === node))
      continue;
    for (const [column, { log, key }] of columns.entries()) {
      const is = log === undefined ? undefined : state.nodes.get(id)?.held(log, key);
      if (is?.is === "known") held.push({ node, column, value: is.value });
    }
  }
  const standings = nodes.map((id, node) => {
    const { service, epoch, status, isMember } = state.nodes.get(id) as NonNullable<
      ReturnType<CutState["nodes"]["get"]>
    >;
    return { node, service, epoch, status, isMember };
  });
  const partEventCount = parts.reduce((sum, { count }) => sum + count, 0);
  const eventCount = partEventCount;
  return { after, to, standings, held, parts, eventCount, partEventCount };
}

function stateAt({ happenings, services = {} }: ToldSlices, t: Hlc): CutState {
  for (const state of cutsOf(happenings, { from: t, to: t, services }).cuts) return state;
  throw new Error("no state");
}

/** Parts that overlap the slice; those of another time are left out, as the store leaves them out. */
function partsOf(told: ToldSlices, node: number, after: Hlc, to: Hlc): ColumnPart[] {
  const batches = batchesOf(told, told.nodes[node] as string);
  const parts: ColumnPart[] = [];
  if (told.isSealed && batches.length > 0) {
    const { segment, blocks } = sealed(batches.map((batch) => stored(batch)));
    const header = decodeSegmentHeader(segment.bytes);
    for (const [index, block] of header.blocks.entries()) {
      if (block.kind !== 0) continue;
      const { log, count, lastT } = block;
      const bytes = blocks[index] as Uint8Array;
      parts.push({ node, log, bytes, segmentT: header.firstT, count, lastT });
    }
    return parts;
  }
  for (const batch of batches) {
    const { firstT, lastT } = batch.header;
    if (lastT <= after || firstT > to) continue;
    const bytes = encodeBatch(batch);
    const { count } = decodeBatch(bytes).events;
    parts.push({
      ...{ node, log: undefined, bytes, segmentT: firstT, count, lastT },
    });
  }
  return parts;
}

/** What a node recorded, in batches that split no commit. */
function batchesOf({ happenings, batchEvents }: ToldSlices, node: string): Batch[] {
  const mine = happenings
    .filter((one) => one.node === node && (one.kind === "set" || one.kind === "delete"))
    .toSorted((a, b) => a.t - b.t);
  const batches: Batch[] = [];
  let builder = new BatchBuilder();
  let firstSeq = 1;
  let count = 0;
  for (const [index, one] of mine.entries()) {
    const { t, kind } = one;
    if (kind === "set") {
      builder.change(t, KindCode.set, one.log ?? "l", one.key, fromJsonForm(one.value));
    } else if (kind === "delete") builder.change(t, KindCode.delete, one.log ?? "l", one.key);
    count += 1;
    const next = mine[index + 1];
    if (next !== undefined && (count < batchEvents || next.t === t)) continue;
    batches.push(builder.build({ node, service: "kv", epoch: 1, firstSeq, closed: t }));
    firstSeq += count;
    count = 0;
    builder = new BatchBuilder();
  }
  return batches;
}
