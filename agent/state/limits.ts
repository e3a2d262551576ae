/** What one node may record. At each limit something is decided, marked or counted; never thrown. */
export const STATE_LIMITS: {
  readonly valueBytes: number;
  readonly valueDepth: number;
  readonly valueEntries: number;
  readonly keyBytes: number;
  readonly markBytes: number;
  readonly variables: number;
  readonly setMembers: number;
  readonly commitChanges: number;
  readonly commitBytes: number;
  readonly keyframeBytes: number;
} = Object.freeze({
  /** UTF-8 bytes of a value's JSON text, roughly; what is over is left out and the value marked. */
  valueBytes: 8 * 1024,
  /** Arrays and objects inside each other. */
  valueDepth: 16,
  /** Entries of all arrays and objects of one value together. */
  valueEntries: 1_000,
  /** Names of logs and variables, keys inside values. Longer ones are cut. */
  keyBytes: 256,
  markBytes: 8 * 1024,
  /** Variables of all logs together, absent ones that the window still knows included. */
  variables: 200_000,
  /** Members of one set. */
  setMembers: 65_536,
  /** Changes that may share a timestamp; a batch holds them undivided. */
  commitChanges: 4_096,
  commitBytes: 1024 * 1024,
  /** A log whose state is larger gets no keyframes: they would not fit into a batch. */
  keyframeBytes: 2 * 1024 * 1024,
});
