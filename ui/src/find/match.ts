/** How well a name fits what is typed: every word of it must occur, and where decides the order. */

/** Fewer is better; undefined where it does not fit at all. */
export function rankOf(name: string, typed: string): number | undefined {
  const lower = name.toLowerCase();
  const wanted = typed.trim().toLowerCase();
  if (lower === wanted) return 0;
  const words = wanted.split(/\s+/).filter((word) => word !== "");
  const places = words.map((word) => placeOf(lower, word));
  return places.includes(-1) ? undefined : Math.max(1, ...places);
}

/** 1 at the beginning, 2 at the beginning of a word, 3 elsewhere; -1 nowhere. */
function placeOf(name: string, word: string): number {
  const at = name.indexOf(word);
  if (at <= 0) return at === 0 ? 1 : -1;
  const atWord = [...name.matchAll(/[^\p{L}\p{N}]/gu)].some(({ index }) =>
    name.startsWith(word, index + 1),
  );
  return atWord ? 2 : 3;
}

/** Those that fit, the best first, equally good ones in the order in which they came. */
export function fitting<Item>(
  items: Iterable<Item>,
  typed: string,
  nameOf: (item: Item) => string,
): readonly Item[] {
  const found: { readonly item: Item; readonly rank: number }[] = [];
  for (const item of items) {
    const rank = rankOf(nameOf(item), typed);
    if (rank !== undefined) found.push({ item, rank });
  }
  return found.sort((a, b) => a.rank - b.rank).map(({ item }) => item);
}
