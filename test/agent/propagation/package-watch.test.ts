import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleForNode } from "../../support/bundle-for-node.ts";

/** A process of its own for each case: what is watched is Node's loader, which Vitest replaces. */
let folder: string;
const SOURCE = new URL("../../../agent/propagation/package-watch.ts", import.meta.url);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "retroscope-watch-"));
  const nested = join(folder, "node_modules/host/node_modules/cargo");
  for (const at of [join(folder, "node_modules/cargo/lib"), join(nested, "lib")]) {
    mkdirSync(at, { recursive: true });
    const main = `${at.slice(0, -"/lib".length)}`;
    writeFileSync(join(main, "package.json"), '{"name":"cargo","main":"lib/main.js"}');
    writeFileSync(join(at, "main.js"), 'exports.Ship = class { sail() { return "plain"; } };');
  }
  await bundleForNode(SOURCE, folder, "package-watch");
  writeFileSync(
    join(folder, "watch.mjs"),
    `import { watchPackages } from "./package-watch.mjs";
    export function watch() {
      return watchPackages(["cargo/lib/main.js"], (entry, { Ship }) => {
        console.log("loaded", entry);
        const { sail } = Ship.prototype;
        Ship.prototype.sail = function () { return "watched " + sail.call(this); };
      });
    }`,
  );
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(name: string, source: string, ...flags: string[]): string {
  writeFileSync(join(folder, name), source);
  const options = { cwd: folder, encoding: "utf8", timeout: 20_000 } as const;
  return execFileSync(process.execPath, [...flags, name], options).trim();
}

const PRELOAD = 'import { watch } from "./watch.mjs"; watch();';
const LOADED = "loaded cargo/lib/main.js";

describe("watchPackages", () => {
  it("sees what an ES module imports", () => {
    writeFileSync(join(folder, "preload.mjs"), PRELOAD);
    const app = 'import { Ship } from "cargo"; console.log(new Ship().sail());';
    expect(run("app.mjs", app, "--import", "./preload.mjs")).toBe(`${LOADED}\nwatched plain`);
  });

  it("sees what a CommonJS module requires, once", () => {
    const app =
      'require("cargo"); const { Ship } = require("cargo"); console.log(new Ship().sail());';
    expect(run("app.cjs", app, "--import", "./preload.mjs")).toBe(`${LOADED}\nwatched plain`);
  });

  it("sees what was loaded before it", () => {
    const app = `import { Ship } from "cargo"; ${PRELOAD} console.log(new Ship().sail());`;
    expect(run("late.mjs", app)).toBe(`${LOADED}\nwatched plain`);
  });

  it("sees each copy of a package", () => {
    writeFileSync(join(folder, "node_modules/host/index.js"), 'module.exports = require("cargo");');
    const app = `${PRELOAD} const [a, b] = [await import("cargo"), await import("host")];
      console.log(a.Ship !== b.default.Ship, new a.Ship().sail(), new b.default.Ship().sail());`;
    expect(run("two.mjs", app)).toBe(`${LOADED}\n${LOADED}\ntrue watched plain watched plain`);
  });

  it("finds, when it looks, what a loader hook took past it; once", () => {
    const load = `import { readFile } from "node:fs/promises";
      export async function load(url, context, next) {
        const loaded = await next(url, context);
        if (loaded.format !== "commonjs" || loaded.source) return loaded;
        return { ...loaded, source: await readFile(new URL(url)) };
      }`;
    writeFileSync(join(folder, "load.mjs"), load);
    const app = `import { register } from "node:module"; import { watch } from "./watch.mjs";
      register("./load.mjs", import.meta.url); const { look } = watch();
      const { Ship } = await import("cargo"); console.log(new Ship().sail());
      for (let i = 0; i < 3; i += 1) look();
      console.log(new Ship().sail());`;
    expect(run("past.mjs", app)).toBe(`plain\n${LOADED}\nwatched plain`);
  });

  it("ends, also when somebody else wrapped the loader after it", () => {
    const app = `import Module, { createRequire } from "node:module"; import { watch } from "./watch.mjs";
      const { end } = watch(); const ours = Module.prototype.load;
      Module.prototype.load = function (name) { return ours.call(this, name); };
      end(); console.log(new (createRequire(import.meta.url)("cargo").Ship)().sail());`;
    expect(run("ended.mjs", app)).toBe("plain");
  });
});
