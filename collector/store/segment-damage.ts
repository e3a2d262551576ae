/** What readers of blocks say of bytes that are not as we write them. */
import { RetroError } from "../../agent/kernel/index.ts";

/** @throws RetroError `data-damaged`, always */
export function damagedBlock(what: string): never {
  throw new RetroError("data-damaged", `a block cannot be read: ${what}`, {
    hint: "Restore a backup; `retroscope verify --data DIR` lists what is damaged.",
  });
}
