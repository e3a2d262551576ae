/** News for whoever reads the collector's log: who came, who went, who was sent to another name. No values. */
export type IngestNotice =
  | {
      readonly kind: "joined";
      readonly node: string;
      readonly epoch: number;
      readonly service: string;
      readonly imported: boolean;
    }
  | { readonly kind: "left" | "expired"; readonly node: string; readonly epoch: number }
  /** A second process under this id was told to take another, or one to begin a new epoch. */
  | { readonly kind: "node-in-use" | "rejoin"; readonly node: string };
