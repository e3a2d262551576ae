export interface Plant {
  readonly name: string;
  readonly what: string;
}

export const PLANTS: readonly Plant[];
