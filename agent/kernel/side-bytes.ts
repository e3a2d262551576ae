/** What the encodings of side blocks share: the version in front, names told once, whole numbers. */
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import { RetroError } from "./errors.ts";
import { badBatch, checkLimit, WIRE_LIMITS } from "./wire-limits.ts";
import { toWellFormed } from "./wire-strings.ts";

/** Runs `write` on the scratch `out` and copies what it wrote, with the version before it. */
export function sideBytes(out: ByteWriter, version: number, write: () => void): Uint8Array {
  try {
    out.byte(version);
    write();
    checkLimit("bytes of a side block", out.pos, WIRE_LIMITS.sideBlockBytes);
    return out.bytes.slice(0, out.pos);
  } finally {
    out.clear();
  }
}

/** `value`, if it may be a varint. */
export function wholeNumber(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) badBatch(`the number ${value} in a side block`);
  return value;
}

/** Names by their index, in order of first use. */
export class SideNames {
  readonly #indexes = new Map<string, number>();

  index(name: string): number {
    const wellFormed = toWellFormed(name);
    const known = this.#indexes.get(wellFormed);
    if (known !== undefined) return known;
    this.#indexes.set(wellFormed, this.#indexes.size);
    return this.#indexes.size - 1;
  }

  writeTo(out: ByteWriter): void {
    checkLimit("names of a side block", this.#indexes.size, WIRE_LIMITS.sideNames);
    out.varint(this.#indexes.size);
    for (const name of this.#indexes.keys()) {
      checkLimit("bytes of a name", out.lengthAndText(name), WIRE_LIMITS.nameBytes);
    }
  }
}

/** The names of a block that is read. Each is used, and first used in its order: they have one form. */
export class ReadNames {
  readonly #names: readonly string[];
  #used = 0;

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  at(index: number): string {
    if (index > this.#used) badBatch("a name used before its turn");
    if (index === this.#used) this.#used += 1;
    return this.#names[index] ?? badBatch("a name that is not listed");
  }

  column(reader: ByteReader, count: number): string[] {
    return Array.from(reader.column(count), (index) => this.at(index));
  }

  /** Refuses names that nobody used. */
  checkUsed(): void {
    if (this.#used !== this.#names.length) badBatch("a name that is not used");
  }
}

/** Reads the version, which must be this one, and the names. */
export function readNames(reader: ByteReader, version: number): ReadNames {
  const found = reader.byte();
  if (found !== version) {
    throw new RetroError("unsupported-version", `a side block of version ${found}`, {
      hint: `This side reads version ${version}. Use agents and collectors of one major version.`,
      details: { versions: [version] },
    });
  }
  const count = reader.varint();
  checkLimit("names of a side block", count, WIRE_LIMITS.sideNames);
  const names: string[] = [];
  for (let i = 0; i < count; i += 1) {
    names.push(reader.lengthAndText("a name", WIRE_LIMITS.nameBytes));
  }
  if (new Set(names).size !== count) badBatch("a name listed twice");
  return new ReadNames(names);
}
