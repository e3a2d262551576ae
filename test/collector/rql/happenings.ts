/** Short words for what happens on nodes, in milliseconds after the zero of `told-cuts.ts`. */
import type { Json } from "../../../agent/kernel/index.ts";
import { at, type Happening } from "./told-cuts.ts";

/** In milliseconds. */
export const TICK = 1 / 4096;

export function set(ms: number, node: string, value: Json, key = "v"): Happening {
  return { t: at(ms), node, kind: "set", key, value };
}

export function lost(ms: number, node: string, events = 1): Happening {
  return { t: at(ms), node, kind: "lost", events };
}

/** The values of `v` on node "a", [ms, value]. */
export function values(...pairs: readonly (readonly [number, Json])[]): Happening[] {
  return pairs.map(([ms, value]) => set(ms, "a", value));
}
