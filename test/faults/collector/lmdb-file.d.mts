export interface LiveRecord {
  readonly key: Buffer;
  /** Where the key lies in the file ... */
  readonly keyAt: number;
  /** ... and where what stands under it does. */
  readonly at: number;
  readonly length: number;
}

export function readLmdb(path: string): {
  readonly records: readonly LiveRecord[];
  readonly pageCount: number;
  readonly pageBytes: number;
  readonly fileBytes: number;
  readonly heads: readonly number[];
};
