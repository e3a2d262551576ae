/**
 * Where the flags of two cut lines stand on the ruler: each centred over its line, kept inside, and
 * the second pushed aside where they would cover each other. The stems stay on the lines.
 *
 *          [ 1 16:00:00.120 ][ 2 16:00:00.123 ]
 *                           ╲|
 */
export interface Flag {
  /** Of its line, in pixels from the left edge; outside the view too. */
  readonly x: number;
  readonly width: number;
}

const BETWEEN_PX = 3;

/** The middle of a flag alone. */
export function flagMiddle({ x, width }: Flag, room: number): number {
  return Math.min(Math.max(x, width / 2), room - width / 2);
}

/** The middle of `flag`, clear of `first`, which stays where it is alone. */
export function flagBeside(flag: Flag, first: Flag, room: number): number {
  const alone = flagMiddle(flag, room);
  const taken = flagMiddle(first, room);
  const apart = (flag.width + first.width) / 2 + BETWEEN_PX;
  if (Math.abs(alone - taken) >= apart) return alone;
  const left = taken - apart;
  const right = taken + apart;
  const fitsLeft = left - flag.width / 2 >= 0;
  const fitsRight = right + flag.width / 2 <= room;
  const wantsLeft = flag.x < first.x;
  if (wantsLeft ? fitsLeft : !fitsRight && fitsLeft) return left;
  return fitsRight ? right : fitsLeft ? left : alone;
}
