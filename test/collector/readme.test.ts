/** The written argument of collector/README.md names the tests that guard it: each of them is there. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const ROOT = new URL("../../", import.meta.url);
const readme = readFileSync(new URL("collector/README.md", ROOT), "utf8").replace(/\s+/g, " ");

describe("the argument in the collector's README", () => {
  const guards = [...readme.matchAll(/`(test\/[^`]+\.ts)`: "([^"]+)"/g)].map(
    ([, file = "", name = ""]) => ({ file, name }),
  );

  it("names a guard for each of its steps", () => {
    const steps = readme.split(/ \d+\. \*\*/).slice(1);
    expect(steps).toHaveLength(19);
    // The second step of consistency is arithmetic.
    expect(steps.filter((step) => !step.includes("`test/"))).toHaveLength(1);
    expect(guards.length).toBeGreaterThan(40);
  });

  it.each(guards)("names a test that exists: $file, $name", ({ file, name }) => {
    const url = new URL(file, ROOT);
    expect(existsSync(url), file).toBe(true);
    const source = readFileSync(url, "utf8");
    const isThere = ['it("', "it(`", 'forEachShape("'].some((start) =>
      source.includes(start + name),
    );
    expect(isThere, name).toBe(true);
  });
});
