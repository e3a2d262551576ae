/** Rows of a table that are drawn together, when they are near what is visible. */
import type { JSX } from "preact";
import { useNear } from "../view/near.ts";

/** Height of a row of one line, in CSS pixels: an estimate for rows that were never drawn. */
export const ROW_PX = 28;

interface ChunkProps {
  /** Whether the list is so long that it is drawn in parts. */
  readonly isLong: boolean;
  readonly rowCount: number;
  readonly columnCount: number;
  readonly draw: () => JSX.Element[];
}

export function RowChunk({ isLong, rowCount, columnCount, draw }: ChunkProps): JSX.Element {
  const { ref, isNear, heightPx } = useNear<HTMLTableSectionElement>(
    !isLong,
    () => rowCount * ROW_PX,
  );
  return (
    <tbody ref={ref}>
      {isNear ? (
        draw()
      ) : (
        <tr aria-hidden="true" class="away">
          <td colSpan={columnCount} style={{ height: `${heightPx}px`, padding: 0 }} />
        </tr>
      )}
    </tbody>
  );
}

/** Stretches of at most `size`, in order. */
export function chunksOf<Item>(items: readonly Item[], size: number): (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}
