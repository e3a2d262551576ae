/**
 * The variables of a log's block. A list of keys is mostly the one of the block before: whoever reads
 * many blocks remembers lists by their hashes, and neither inflates them again nor makes their
 * objects anew.
 *
 *     crc32 4 | crc32c 4 | count | keys in order of code units       (segment-text.ts)
 */
import { crc32 } from "node:zlib";
import { type ByteReader, ByteWriter, crc32c, type VariableRef } from "../../agent/kernel/index.ts";
import { readKeys, skipPacked, writeKeys } from "./segment-text.ts";

/** Remembers variables by the name of their list. */
export interface KeyListMemory {
  get(name: string): readonly VariableRef[] | undefined;
  set(name: string, variables: readonly VariableRef[]): void;
}

const scratch = new ByteWriter();

/** Writes the keys of `variables`, sorted. By index: the place of each in the sorted list. */
export function writeVariables(out: ByteWriter, variables: readonly VariableRef[]): Uint32Array {
  const order = variables.map((_, index) => index);
  const keyOf = (index: number): string => (variables[index] as VariableRef).key;
  order.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const keys = order.map(keyOf);
  scratch.clear();
  for (const key of keys) scratch.lengthAndText(key);
  const text = scratch.bytes.subarray(0, scratch.pos);
  out.uint32(crc32(text));
  out.uint32(crc32c(text));
  writeKeys(out, keys);
  const places = new Uint32Array(variables.length);
  for (const [place, index] of order.entries()) places[index] = place;
  return places;
}

export function readVariables(
  reader: ByteReader,
  log: string,
  memory?: KeyListMemory,
): readonly VariableRef[] {
  const hash = reader.uint32();
  const otherHash = reader.uint32();
  const start = reader.pos;
  const name = `${hash}/${otherHash}/${reader.varint()}/${log}`;
  const known = memory?.get(name);
  if (known !== undefined) {
    skipPacked(reader);
    return known;
  }
  reader.pos = start;
  const variables = readKeys(reader).map((key): VariableRef => ({ log, key }));
  memory?.set(name, variables);
  return variables;
}
