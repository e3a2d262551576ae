/** Segments as version 1 wrote them: bytes are never edited, and read by every later release. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { eventsOf, type Json } from "../../../agent/kernel/index.ts";
import type { StoredBatch } from "../../../collector/store/history-store.ts";
import { decodeSegmentHeader } from "../../../collector/store/segment-header.ts";
import { readStored } from "../../../collector/store/segment-reader.ts";
import { fixtures } from "../../agent/kernel/wire-fixtures.ts";
import { exactJson } from "../../support/batches.ts";
import { sealed, stored } from "../../support/segments.ts";

const FOLDER = new URL("../../fixtures/segments/v1/", import.meta.url);

interface Golden {
  /** Bytes in hex. */
  readonly header: string;
  readonly blocks: readonly string[];
  /** Its events, as text in which every difference shows. */
  readonly events: readonly string[];
}

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

if (process.env["RETROSCOPE_WRITE_FIXTURES"] === "1") {
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, make] of Object.entries(fixtures)) {
    const batch = make();
    const file = new URL(`${name}.json`, FOLDER);
    if (batch.events.count === 0 || existsSync(file)) continue; // never edited
    const { segment, blocks } = sealed([stored(batch)]);
    const events = [...eventsOf(batch)].map(exactJson);
    const golden: Golden = { header: hexOf(segment.bytes), blocks: blocks.map(hexOf), events };
    writeFileSync(file, `${JSON.stringify(golden, null, 1)}\n`);
  }
}

describe("the golden segments of version 1", () => {
  const names = readdirSync(FOLDER).map((file) => file.slice(0, -".json".length));

  it("are there", () => {
    expect(names.length).toBeGreaterThan(2);
  });

  it.each(names)("%s gives the events that stand beside it", (name) => {
    const text = readFileSync(new URL(`${name}.json`, FOLDER), "utf8");
    const { header, blocks, events } = JSON.parse(text) as Json as unknown as Golden;
    const { firstSeq, lastSeq, firstT, lastT } = decodeSegmentHeader(bytesOf(header));
    const range = { epochId: 1, firstSeq, lastSeq, firstT, lastT };
    const segment: StoredBatch = { ...range, arrivalMs: 0, bytes: bytesOf(header) };
    const source = { block: (_: StoredBatch, index: number) => bytesOf(blocks[index] as string) };
    const { rows, damaged } = readStored(segment, source);
    expect(damaged).toEqual([]);
    expect([...eventsOf(rows)].map(exactJson)).toEqual(events);
  });
});
