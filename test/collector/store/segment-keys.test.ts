import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter, type VariableRef } from "../../../agent/kernel/index.ts";
import {
  type KeyListMemory,
  readVariables,
  variableSteps,
} from "../../../collector/store/segment-keys.ts";

const LOG = "stock";
const keyArray = fc.uniqueArray(fc.string({ maxLength: 3 }), { maxLength: 30 });

describe("The list of a block's variables", () => {
  it("is the same, whatever list of the log was read before it", () => {
    fc.assert(
      fc.property(keyArray, keyArray, (keys, others) => {
        const likely = others.map((key): VariableRef => ({ log: LOG, key }));
        const read = readVariables(written(keys), LOG, memoryWith(likely));
        expect(read).toEqual(inOrder(keys).map((key) => ({ log: LOG, key })));
      }),
    );
  });

  it("shares with a list in order every variable that is in both", () => {
    fc.assert(
      fc.property(keyArray, keyArray, (keys, others) => {
        const likely = inOrder(others).map((key): VariableRef => ({ log: LOG, key }));
        const read = readVariables(written(keys), LOG, memoryWith(likely));
        const shared = read.filter((variable) => likely.includes(variable)).map(({ key }) => key);
        expect(shared).toEqual(inOrder(keys).filter((key) => others.includes(key)));
      }),
    );
  });
});

function memoryWith(likely: readonly VariableRef[]): KeyListMemory {
  return { get: () => undefined, set: () => undefined, likely: () => likely };
}

function inOrder(keys: readonly string[]): string[] {
  return keys.toSorted((a, b) => (a < b ? -1 : 1));
}

function written(keys: readonly string[]): ByteReader {
  const out = new ByteWriter();
  const steps = variableSteps(
    out,
    keys.map((key) => ({ log: LOG, key })),
  );
  while (steps.next().done !== true) {
    // Asking for the next step does it.
  }
  return new ByteReader(out.bytes.slice(0, out.pos));
}
