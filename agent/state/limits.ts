/** What one node may record. At each limit something is decided, marked or counted; never thrown. */
export const STATE_LIMITS: {
  readonly valueBytes: number;
  readonly valueDepth: number;
  readonly valueEntries: number;
  readonly marksBytes: number;
  readonly keyBytes: number;
  readonly markBytes: number;
  readonly logs: number;
  readonly variables: number;
  readonly missingKeys: number;
  readonly setMembers: number;
  readonly objectVariables: number;
  readonly commitChanges: number;
  readonly commitBytes: number;
  readonly commitPlanned: number;
  readonly commitPlannedBytes: number;
  readonly keyframeBytes: number;
} = Object.freeze({
  /** UTF-8 bytes of a value's JSON text, roughly; what is over is left out and the value marked. */
  valueBytes: 8 * 1024,
  /** Arrays and objects inside each other. */
  valueDepth: 16,
  /** Entries of all arrays and objects of one value together. */
  valueEntries: 1_000,
  /** What the marks of a value's cuts may take beyond `valueBytes`. */
  marksBytes: 2 * 1024,
  /** Names of logs and variables, keys inside values. Longer ones are cut. */
  keyBytes: 256,
  markBytes: 8 * 1024,
  /** Names of logs; what is recorded in further ones is shed. A lost range may name so many. */
  logs: 1_000,
  /** Variables of all logs together, absent ones that the window still knows included. */
  variables: 200_000,
  /** Names per log of variables that were shed, so that it is seen when all are known again. */
  missingKeys: 256,
  /** Members of one set. */
  setMembers: 65_536,
  /** Properties of one tracked object that are variables. */
  objectVariables: 1_000,
  /** Changes that may share a timestamp; a batch holds them undivided. */
  commitChanges: 4_096,
  /** Names and values of these, in bytes of UTF-8. */
  commitBytes: 1024 * 1024,
  /** Changes, and their bytes, that a commit may hold back; past them it is recorded as it goes. */
  commitPlanned: 65_536,
  commitPlannedBytes: 16 * 1024 * 1024,
  /** A log whose state is larger gets no keyframes: they would not fit into a batch. */
  keyframeBytes: 2 * 1024 * 1024,
});
