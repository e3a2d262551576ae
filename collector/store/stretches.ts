/**
 * Finding the stretches of time [start, end] that a moment lies in, without reading the others.
 *
 * Stretches are sorted into classes by length: class c holds lengths in [2^c, 2^(c+1)), class 0 also
 * length 0. Within a class they lie in order of start. Whatever of class c touches `from` started
 * after from - 2^(c+1); so each class is read over a span of at most twice its lengths, and at least
 * about half of what is read belongs to the answer where starts are spread evenly.
 *
 *     class 3 (8..15)      |=====|   |=======|        from
 *                      ^ from - 16          |======|    v        read starts in (from - 16, to]
 *
 * There are 54 classes; the store remembers which are in use, so that an empty one costs nothing.
 */
export const STRETCH_CLASS_COUNT = 54;

/** The class of a length, 0 or more. */
export function stretchClass(length: number): number {
  if (length < 2) return 0;
  // log2 of a number just below a power of two may round up to it.
  const guess = Math.floor(Math.log2(length));
  return 2 ** guess > length ? guess - 1 : guess;
}

/** The earliest start that a stretch of the class may have and still reach `t`. */
export function earliestStart(ofClass: number, t: number): number {
  return t - 2 ** (ofClass + 1) + 1;
}

/** One number for a kind of stretch and a class. */
export function stretchSlot(kind: number, ofClass: number): number {
  return kind * 64 + ofClass;
}
