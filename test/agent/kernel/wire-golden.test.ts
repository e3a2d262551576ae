import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Json } from "../../../agent/kernel/index.ts";
import { decodeBatch, encodeBatch, formatHlc } from "../../../agent/kernel/index.ts";
import { readable } from "../../support/batches.ts";
import { fixtures } from "./wire-fixtures.ts";

const FOLDER = new URL("../../fixtures/wire/v1/", import.meta.url);
const fileOf = (name: string, ending: string): URL => new URL(`${name}.${ending}`, FOLDER);

if (process.env["RETROSCOPE_WRITE_FIXTURES"] === "1") {
  for (const [name, make] of Object.entries(fixtures)) {
    if (existsSync(fileOf(name, "bin"))) continue; // never edited
    writeFileSync(fileOf(name, "bin"), encodeBatch(make()));
    writeFileSync(fileOf(name, "json"), `${JSON.stringify(readable(make()), null, 1)}\n`);
  }
}

describe("the golden batches of wire version 1", () => {
  const names = readdirSync(FOLDER)
    .filter((file) => file.endsWith(".bin"))
    .map((file) => file.slice(0, -4));

  it("are all there, and no other", () => {
    expect(names.sort()).toEqual(Object.keys(fixtures).sort());
  });

  it.each(names)("%s is read as its readable twin says", (name) => {
    const bytes = new Uint8Array(readFileSync(fileOf(name, "bin")));
    const expected = JSON.parse(readFileSync(fileOf(name, "json"), "utf8")) as Json;
    expect(readable(decodeBatch(bytes))).toEqual(expected);
  });

  it.each(names)("%s is still written with the same bytes", (name) => {
    const bytes = readFileSync(fileOf(name, "bin")).toString("hex");
    const make = fixtures[name];
    expect(make && Buffer.from(encodeBatch(make())).toString("hex")).toBe(bytes);
  });

  it("hold the time that their text says", () => {
    const changes = fixtures["changes"]?.();
    expect(changes && formatHlc(changes.header.firstT)).toBe("01a1fed600000000");
  });
});
