import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { EpochFile } from "../../agent/epoch-file.ts";
import type { Hlc } from "../../agent/kernel/index.ts";

const folder = mkdtempSync(join(tmpdir(), "retroscope-epoch-file-"));
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
