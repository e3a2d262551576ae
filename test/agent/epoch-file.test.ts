import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { EpochFile } from "../../agent/epoch-file.ts";
import { forgetLeftovers, MAX_LEFTOVERS } from "../../agent/epoch-leftovers.ts";
import type { Hlc } from "../../agent/kernel/index.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "retroscope-epoch-file-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("keeps what was written last, however close together the writes came", async () => {
  const problems: string[] = [];
  const file = new EpochFile(folder, "n1", (message) => problems.push(message));
  file.writeNow(1, 4_096 as Hlc);
  // The renewed ceiling is on its way to the disk when a further epoch opens.
  const renewed = file.write(1, 8_192 as Hlc);
  const opened = file.write(2, 12_288 as Hlc);
  await Promise.all([renewed, opened]);
  expect(file.read()?.epoch).toBe(2);
  await file.write(3, 16_384 as Hlc);
  expect(file.read()?.epoch).toBe(3);
  expect(problems).toEqual([]);
});

it("does not fill the directory, though a node that nobody named has another file at each start", () => {
  const write = (node: string, ageS: number): void => {
    const path = join(folder, `agent-${node}.json`);
    writeFileSync(path, "{}");
    utimesSync(path, 1_700_000_000 - ageS, 1_700_000_000 - ageS);
  };
  for (let pid = 1; pid <= 200; pid += 1) write(`cart@host7.${pid}${pid % 2 ? "" : ".t1"}`, pid);
  write("cart@host7.9999", 1_000_000); // our own, from long ago
  for (let i = 0; i < 100; i += 1) write(`shard.${i}`, 500);
  write("cart@host7.blue", 1_000_000);
  forgetLeftovers(folder, "cart@host7.9999", 9_999);
  forgetLeftovers(folder, "shard.7", 9_999); // a name that was given
  forgetLeftovers(join(folder, "none"), "cart@host7.9999", 9_999);
  const left = readdirSync(folder);
  expect(left.filter((name) => name.startsWith("agent-shard."))).toHaveLength(100);
  expect(left).toContain("agent-cart@host7.9999.json");
  expect(left).toContain("agent-cart@host7.blue.json");
  const others = left.filter((name) => /^agent-cart@host7\.\d{1,3}\./.test(name));
  expect(others).toHaveLength(MAX_LEFTOVERS);
  expect(others).toContain("agent-cart@host7.1.json");
  expect(others).not.toContain(`agent-cart@host7.${MAX_LEFTOVERS + 1}.json`);
});
