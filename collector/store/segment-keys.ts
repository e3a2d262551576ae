/**
 * The variables of a log's block. A list of keys is mostly the one of the block before: whoever reads
 * many blocks remembers lists by their hashes, and neither inflates them again nor makes their
 * objects anew.
 *
 *     crc32 4 | crc32c 4 | count | keys in order of code units       (segment-text.ts)
 */
import { crc32 } from "node:zlib";
import { type ByteReader, ByteWriter, crc32c, type VariableRef } from "../../agent/kernel/index.ts";
import { KEYS_PER_STEP, keySteps, readKeys, type Steps, skipPacked } from "./segment-text.ts";

/** Merging takes a fraction of what sorting takes. */
const MERGED_PER_STEP: number = 4 * KEYS_PER_STEP;

/** Remembers variables by the name of their list. */
export interface KeyListMemory {
  get(name: string): readonly VariableRef[] | undefined;
  set(name: string, variables: readonly VariableRef[], log: string): void;
  /** A list of that log that was read lately, if any is still known: a new one shares its objects with it. */
  likely?(log: string): readonly VariableRef[] | undefined;
}

/**
 * Writes the keys of `variables`, sorted. By index: the place of each in the sorted list. Pauses after each
 * thousand keys: a log may have thousands of variables, and ingest is on the same thread.
 */
export function* variableSteps(
  out: ByteWriter,
  variables: readonly VariableRef[],
): Steps<Uint32Array> {
  const order = yield* sortedOrder(variables.map(({ key }) => key));
  const keys: string[] = [];
  const places = new Uint32Array(variables.length);
  // Its own: between two steps others may encode, too.
  const scratch = new ByteWriter();
  for (const [place, index] of order.entries()) {
    const { key } = variables[index] as VariableRef;
    places[index] = place;
    keys.push(key);
    scratch.lengthAndText(key);
    if (keys.length % KEYS_PER_STEP === 0) yield;
  }
  const text = scratch.bytes.subarray(0, scratch.pos);
  out.uint32(crc32(text));
  out.uint32(crc32c(text));
  yield;
  yield* keySteps(out, keys);
  return places;
}

/** Indexes of different keys in order of code units: runs that are sorted in a step each, then merged. */
function* sortedOrder(keys: readonly string[]): Steps<Uint32Array> {
  const { length } = keys;
  let order = Uint32Array.from({ length }, (_, index) => index);
  for (let start = 0; start < length; start += KEYS_PER_STEP) {
    const run = order.subarray(start, start + KEYS_PER_STEP);
    run.sort((a, b) => ((keys[a] as string) < (keys[b] as string) ? -1 : 1));
    if (start + KEYS_PER_STEP < length) yield;
  }
  let merged = new Uint32Array(length);
  let steps = 0;
  for (let width = KEYS_PER_STEP; width < length; width *= 2) {
    for (let start = 0; start < length; start += 2 * width) {
      const middle = Math.min(start + width, length);
      const end = Math.min(start + 2 * width, length);
      let left = start;
      let right = middle;
      for (let at = start; at < end; at += 1) {
        const isLeft =
          left < middle &&
          (right >= end ||
            (keys[order[left] as number] as string) < (keys[order[right] as number] as string));
        merged[at] = order[isLeft ? left : right] as number;
        if (isLeft) left += 1;
        else right += 1;
        steps += 1;
        if (steps % MERGED_PER_STEP === 0) yield;
      }
    }
    [order, merged] = [merged, order];
  }
  return order;
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
  const variables = refsOf(log, readKeys(reader), memory?.likely?.(log) ?? []);
  memory?.set(name, variables, log);
  return variables;
}

/**
 * Sorted keys as variables: the objects of `known`, a list of the log in the same order, where it has them.
 * Lists of a log mostly differ in a few keys, and what is remembered survives collections: objects and
 * strings of its own for each list made scavenges of 10 ms in the midst of a cut (bench `cut`, p99).
 */
function refsOf(
  log: string,
  keys: readonly string[],
  known: readonly VariableRef[],
): readonly VariableRef[] {
  let next = 0;
  return keys.map((key): VariableRef => {
    let ref = known[next];
    while (ref !== undefined && ref.key !== key && ref.key < key) {
      next += 1;
      ref = known[next];
    }
    if (ref?.key !== key) return { log, key };
    next += 1;
    return ref;
  });
}
