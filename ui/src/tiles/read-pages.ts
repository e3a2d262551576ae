/** Reads the pages of a tile: what the worker does, without the worker. */
import type { TimelineJson } from "../../../collector/api/shapes.ts";
import { decodeTile } from "./decode-tile.ts";
import type { ReadPage } from "./tile-reader.ts";

/** Appends a page; the tile once the last has come. Throws if the bytes are no timeline. */
export function readPage(pages: TimelineJson[], bytes: ArrayBuffer): ReadPage {
  const json = JSON.parse(new TextDecoder().decode(bytes)) as TimelineJson;
  pages.push(json);
  return json.next === undefined ? { tile: decodeTile(pages) } : { next: json.next };
}
