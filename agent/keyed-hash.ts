/** Hashes for redaction: HMAC-SHA-256, 96 bits of it. An adapter: it alone knows Node's crypto. */
import { createHmac, randomBytes } from "node:crypto";
import type { KeyedHash } from "./state/redaction.ts";

/** Characters of base64url: 96 bits. Two of a billion values agree with a chance of 1 in 10^11. */
const HASH_LENGTH = 16;
const KEY_BYTES = 32;

/** @param key undefined: one is made up, which nobody else knows */
export function keyedHash(key: string | undefined): KeyedHash {
  const secret = key ?? randomBytes(KEY_BYTES);
  return (text) =>
    createHmac("sha256", secret).update(text).digest("base64url").slice(0, HASH_LENGTH);
}
