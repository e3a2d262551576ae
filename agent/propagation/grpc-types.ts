/** Of `@grpc/grpc-js`, as much as the hooks touch. Versions 1.10 to 1.14 were read; each part is tested for. */
import { CARRIER_HEADER } from "./carrier.ts";

export interface GrpcMetadata {
  get(name: string): readonly unknown[];
  set(name: string, value: string): void;
  remove(name: string): void;
  clone(): GrpcMetadata;
}

export interface GrpcStatus {
  readonly code: number;
  readonly metadata?: GrpcMetadata | null;
  /** HTTP/2's reason where the stream was reset. */
  readonly rstCode?: number;
}

/** What the hook's events are called in `channel`. */
export const GRPC_CHANNEL = "grpc";

/** Our header's values, for `receiveMessage`; `undefined`: it has none. */
export function carriersIn(
  metadata: GrpcMetadata | null | undefined,
): readonly string[] | undefined {
  const values = metadata?.get(CARRIER_HEADER);
  return values === undefined || values.length === 0 ? undefined : values.map(String);
}

/** A copy that says `text`, and nothing else, in our header; null: without it. The host's is left as it is. */
export function withCarrierIn(metadata: GrpcMetadata, text: string | null): GrpcMetadata {
  const copy = metadata.clone();
  if (text === null) copy.remove(CARRIER_HEADER);
  else copy.set(CARRIER_HEADER, text);
  return copy;
}
