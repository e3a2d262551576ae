/** What may be put into a transaction: an item is written whole or not at all. */
import type {
  CapturesWrite,
  CheckpointThinning,
  CheckpointWrite,
  MessageCell,
  MessageStretch,
  MonitorsWrite,
  PruneWrite,
  SavedWrite,
  SegmentWrite,
  SideRemoval,
  StoreWrite,
  SweepOptions,
  TilesWrite,
} from "./history-store.ts";

export type WriteItem =
  | { readonly kind: "write"; readonly write: StoreWrite }
  | { readonly kind: "checkpoint"; readonly checkpoint: CheckpointWrite }
  | { readonly kind: "captures"; readonly write: CapturesWrite }
  | { readonly kind: "monitors"; readonly write: MonitorsWrite }
  | { readonly kind: "tiles"; readonly write: TilesWrite }
  | { readonly kind: "segment"; readonly write: SegmentWrite }
  | { readonly kind: "thinning"; readonly thinning: CheckpointThinning }
  | {
      readonly kind: "messages";
      readonly claim: MessageStretch;
      readonly cells: readonly MessageCell[];
    }
  | { readonly kind: "saved"; readonly write: SavedWrite }
  | { readonly kind: "prune"; readonly write: PruneWrite }
  /** `tell` is given how many records were removed, once that is durable: as with sweeps. */
  | {
      readonly kind: "side-removal";
      readonly removal: SideRemoval;
      readonly tell: (count: number) => void;
    }
  | {
      readonly kind: "sweep";
      readonly options: SweepOptions;
      readonly tell: (count: number) => void;
    };

const PER_RECORD = 128;

/** Whether the item makes room, or is needed to: it may be written when the disk is as good as full. */
export function makesRoom(item: WriteItem): boolean {
  switch (item.kind) {
    case "prune":
    case "sweep":
    case "side-removal":
    case "thinning":
      return true;
    case "checkpoint":
      return item.checkpoint.makesRoom === true;
    case "saved":
    case "captures":
      return item.write.put.length === 0;
    default:
      return false;
  }
}

/** Rough size on disk, for limits. */
export function bytesOf(item: WriteItem): number {
  if (item.kind === "checkpoint") {
    const { directory, logs } = item.checkpoint;
    return logs.reduce((sum, one) => sum + one.bytes.length + PER_RECORD, directory.length);
  }
  if (item.kind === "captures" || item.kind === "monitors") return bytesOfNumbered(item.write);
  if (item.kind === "thinning") return PER_RECORD * (1 + item.thinning.states.length);
  if (item.kind === "segment") {
    const { replaced, segment, blocks } = item.write;
    const records = replaced.length + blocks.length + 2;
    return blocks.reduce(
      (sum, one) => sum + one.length,
      segment.bytes.length + records * PER_RECORD,
    );
  }
  if (item.kind === "tiles" || item.kind === "messages") {
    const records = item.kind === "tiles" ? item.write.tiles : item.cells;
    return records.reduce((sum, one) => sum + one.bytes.length + PER_RECORD, PER_RECORD);
  }
  if (item.kind === "saved") {
    return item.write.put.reduce((sum, { bytes }) => sum + bytes.length + PER_RECORD, PER_RECORD);
  }
  if (item.kind === "prune") return PER_RECORD * (item.write.epochs.length + 1);
  if (item.kind === "sweep" || item.kind === "side-removal") return PER_RECORD;
  const { batches, epochs, violations, slowMessages, sideBlocks = [] } = item.write;
  const records =
    batches.length +
    8 * epochs.length +
    violations.length +
    slowMessages.length +
    sideBlocks.length;
  return [...batches, ...sideBlocks].reduce(
    (sum, one) => sum + one.bytes.length,
    (records + 1) * PER_RECORD,
  );
}

function bytesOfNumbered({ put, remove }: CapturesWrite | MonitorsWrite): number {
  // A little too much: the text is made when it is put.
  const bytes = put.reduce((sum, { body }) => sum + JSON.stringify(body).length, 0);
  return bytes + PER_RECORD * (put.length + remove.length + 1);
}
