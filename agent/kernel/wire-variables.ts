/**
 * The variables of a batch on the wire, numbered in order of first use, each once:
 *
 *     count, (index of the log, index of the key)...
 *
 * That no variable stands there twice is checked without a Map where it can be: nearly always a key
 * stands in one log only, and a small table of hashes shows that no two keys are equal. Hot: bench `wire`.
 */
import type { EventColumns, VariableRef } from "./batch.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { badBatch, WIRE_LIMITS } from "./wire-limits.ts";
import type { StringTable, StringTableWriter } from "./wire-strings.ts";
import { readCount } from "./wire-values.ts";

/** Kind codes up to this are changes. */
export const LAST_CHANGE_CODE = 3;
/** A look-up that takes longer meets equal hashes, by accident or on purpose: use a Map. */
const MAX_PROBES = 16;

/** Writes the variables that are used. Returns, by index in `events.variables`, their wire number. */
export function writeVariables(
  out: ByteWriter,
  strings: StringTableWriter,
  events: EventColumns,
): Int32Array {
  const { count, kind, ref } = events;
  const wireRefs = new Int32Array(events.variables.length).fill(-1);
  const variables: number[] = [];
  // Most keys stand in one log only: its number is found by the key. Names come first in the string
  // table, so their indexes are small.
  const logOfKey = new Int32Array(events.variables.length * 2).fill(-1);
  const numberOfKey = new Int32Array(events.variables.length * 2);
  const moreLogs = new Map<number, number>();
  for (let i = 0; i < count; i += 1) {
    if ((kind[i] as number) > LAST_CHANGE_CODE) continue;
    const local = ref[i] as number;
    if (local >= wireRefs.length) badBatch("a change of a variable that is not listed");
    if (wireRefs[local] !== -1) continue;
    const variable = events.variables[local] as VariableRef;
    const log = strings.name(variable.log);
    const key = strings.name(variable.key);
    const next = variables.length / 2;
    let number = next;
    if (logOfKey[key] === -1) {
      logOfKey[key] = log;
      numberOfKey[key] = next;
    } else if (logOfKey[key] === log) {
      number = numberOfKey[key] as number;
    } else {
      const pair = log * WIRE_LIMITS.strings + key;
      number = moreLogs.get(pair) ?? next;
      moreLogs.set(pair, number);
    }
    if (number === next) variables.push(log, key);
    wireRefs[local] = number;
  }
  out.varint(variables.length / 2);
  out.varints(variables, variables.length);
  return wireRefs;
}

export function readVariables(
  reader: ByteReader,
  strings: StringTable,
  eventCount: number,
): VariableRef[] {
  const count = readCount(reader);
  if (count > eventCount) badBatch("more variables than events");
  const variables = new Array<VariableRef>(count);
  const keys = new KeyTable(count);
  for (let i = 0; i < count; i += 1) {
    const log = strings.name(reader.varint());
    const keyIndex = reader.varint();
    const key = strings.name(keyIndex);
    variables[i] = { log, key };
    if (!keys.add(variables, i, strings.hash(keyIndex))) badBatch("a variable listed twice");
  }
  return variables;
}

/** The variables seen so far, by the hash of their key: an open table at most half full. */
class KeyTable {
  /** Index of the first variable with a key + 1; 0: free. */
  readonly #slots: Uint32Array;
  /** The logs of a key that stands in several, or whose place would take too long to find. */
  readonly #logsOf = new Map<string, Set<string>>();

  constructor(count: number) {
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(count * 2 + 1)));
  }

  /** Adds `variables[i]`. False if it was there already. */
  add(variables: readonly VariableRef[], i: number, hash: number): boolean {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const { log, key } = variables[i] as VariableRef;
    let slot = hash & mask;
    for (let probe = 0; probe < MAX_PROBES; probe += 1) {
      const known = slots[slot] as number;
      if (known === 0) {
        slots[slot] = i + 1;
        return true;
      }
      const other = variables[known - 1] as VariableRef;
      if (other.key === key) return other.log !== log && this.#addLog(key, log);
      slot = (slot + 1) & mask;
    }
    return this.#addLog(key, log);
  }

  #addLog(key: string, log: string): boolean {
    const logs = this.#logsOf.get(key);
    if (logs?.has(log)) return false;
    if (logs) logs.add(log);
    else this.#logsOf.set(key, new Set([log]));
    return true;
  }
}
