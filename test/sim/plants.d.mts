export interface Plant {
  readonly name: string;
  readonly what: string;
  readonly seed: number;
}

export const PLANTS: readonly Plant[];
