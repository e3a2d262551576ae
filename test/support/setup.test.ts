/**
 * The set-up script in a small made-up checkout, with a compiler that copies instead of compiling.
 * Nothing is downloaded.
 */
import { spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

/** Copies each source listed in sources.txt; one that says "broken" is an error. */
const COMPILER = `
  const { appendFileSync, mkdirSync, readFileSync, writeFileSync } = require("node:fs");
  appendFileSync("runs.txt", "tsc\\n");
  for (const name of readFileSync("sources.txt", "utf8").split(" ")) {
    const text = readFileSync("agent/" + name + ".ts", "utf8");
    if (text.includes("broken")) { console.log(name + ".ts(1,1): broken"); process.exit(1); }
    mkdirSync("dist/agent", { recursive: true });
    writeFileSync("dist/agent/" + name + ".js", text);
  }
`;

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "retroscope-setup-"));
  mkdirSync(join(root, "test/support"), { recursive: true });
  copyFileSync(join(import.meta.dirname, "setup.mjs"), join(root, "test/support/setup.mjs"));
  write("package.json", JSON.stringify({ name: "made-up", version: "1.0.0" }));
  write(
    "package-lock.json",
    JSON.stringify({
      name: "made-up",
      version: "1.0.0",
      lockfileVersion: 3,
      packages: { "": { name: "made-up", version: "1.0.0" } },
    }),
  );
  write("node_modules/.package-lock.json", JSON.stringify({ packages: {} }));
  write("node_modules/typescript/bin/tsc", COMPILER);
  write("node_modules/vite/bin/vite.js", "");
  write("sources.txt", "one two");
  write("agent/one.ts", "1");
  write("agent/two.ts", "2");
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("the set-up", () => {
  it("builds, then does nothing and says nothing until a source changes", async () => {
    expect(await setup()).toMatchObject({ code: 0, said: expect.stringContaining("compiling") });
    expect(read("dist/agent/one.js")).toBe("1");

    expect(await setup()).toEqual({ code: 0, said: "" });
    expect(compilerRuns()).toBe(1);

    write("agent/one.ts", "one and more");
    expect((await setup()).code).toBe(0);
    expect(read("dist/agent/one.js")).toBe("one and more");
    expect(compilerRuns()).toBe(2);
  });

  it("removes from dist what has no source any more, and nothing else", async () => {
    await setup();
    rmSync(join(root, "agent/two.ts"));
    write("sources.txt", "one");
    await setup();
    expect(existsSync(join(root, "dist/agent/two.js"))).toBe(false);
    expect(existsSync(join(root, "dist/agent/one.js"))).toBe(true);
  });

  it("never empties what a linked node_modules leads to", async () => {
    mkdirSync(join(root, "elsewhere"));
    write("elsewhere/mine", "1");
    rmSync(join(root, "node_modules"), { recursive: true });
    symlinkSync(join(root, "elsewhere"), join(root, "node_modules"));
    expect(await setup()).toMatchObject({ code: 3, said: expect.stringContaining("is a link") });
    expect(read("elsewhere/mine")).toBe("1");
  });

  it("ends with 3 when the sources do not compile, and tries again next time", async () => {
    write("agent/two.ts", "broken");
    const first = await setup();
    expect(first.code).toBe(3);
    expect(first.said).toContain("two.ts(1,1): broken");
    expect(first.said).toContain("npm run check");
    expect((await setup()).code).toBe(3);

    write("agent/two.ts", "mended");
    expect((await setup()).code).toBe(0);
  });

  it("notices a package.json that its lockfile does not know, and says what to do", async () => {
    const dependencies = { "a-package-of-nobody": "1.0.0" };
    write("package.json", JSON.stringify({ name: "made-up", version: "1.0.0", dependencies }));
    const { code, said } = await setup();
    expect(code).toBe(3);
    expect(said).toContain("package.json and package-lock.json disagree\n  Run `npm install`");
  });

  it("refuses a flag it does not know", async () => {
    expect(await setup("--instal-only")).toMatchObject({ code: 3 });
  });

  it("builds once when two start together", async () => {
    const both = await Promise.all([setup(), setup()]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(compilerRuns()).toBe(1);
    expect(existsSync(join(root, ".setup-lock"))).toBe(false);
  });

  it("waits for a set-up that is alive", async () => {
    write(".setup-lock", String(process.pid));
    const waiting = startSetup();
    const told = `waiting for the set-up of process ${process.pid}`;
    await vi.waitUntil(() => waiting.said().includes(told), { timeout: 10_000 });
    expect(compilerRuns()).toBe(0);

    rmSync(join(root, ".setup-lock"));
    expect((await waiting.ended).code).toBe(0);
    expect(compilerRuns()).toBe(1);
  });

  it("takes over from a set-up that died", async () => {
    write(".setup-lock", String(await pidOfTheDead()));
    expect((await setup()).code).toBe(0);
    expect(existsSync(join(root, ".setup-lock"))).toBe(false);
  });
});

interface Ended {
  readonly code: number | null;
  readonly said: string;
}

function setup(...flags: string[]): Promise<Ended> {
  return startSetup(...flags).ended;
}

function startSetup(...flags: string[]): { said: () => string; ended: Promise<Ended> } {
  const child = spawn(process.execPath, ["test/support/setup.mjs", ...flags], {
    cwd: root,
    stdio: ["ignore", "inherit", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const ended = new Promise<Ended>((done) => {
    child.on("close", (code) => done({ code, said }));
  });
  return { said: () => said, ended };
}

/** A process id that was in use a moment ago. */
async function pidOfTheDead(): Promise<number> {
  const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
  await new Promise((done) => child.on("close", done));
  return child.pid ?? 0;
}

function compilerRuns(): number {
  return existsSync(join(root, "runs.txt")) ? read("runs.txt").trim().split("\n").length : 0;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}
