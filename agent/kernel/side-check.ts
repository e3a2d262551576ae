/** Whether the bytes of a side block can be read, for those that keep them without looking into them. */
import type { SideBlock } from "./side-block.ts";
import { decodeHistograms } from "./side-histogram.ts";
import { decodeLoad } from "./side-load.ts";
import { decodeResources } from "./side-resource.ts";

/**
 * Refuses a block that no reader could decode. Costs a decoding: some 50 us.
 * @throws RetroError `bad-batch`, `too-large`, `unsupported-version`
 */
export function checkSideBytes({ stream, bytes }: Pick<SideBlock, "stream" | "bytes">): void {
  if (stream === "load") decodeLoad(bytes);
  else if (stream === "histogram") decodeHistograms(bytes);
  else decodeResources(bytes);
}
