import { describe, expect, it } from "vitest";
import {
  ambientUsesOf,
  COMPUTED,
  hasDefaultExport,
  importsOf,
  valueExportsOf,
} from "./source-scan.ts";

describe("importsOf", () => {
  const cases: ReadonlyArray<readonly [why: string, source: string, expected: string[]]> = [
    ["a static import", 'import { a } from "./a.ts";', ["./a.ts"]],
    ["single quotes", "import { a } from './a.ts';", ["./a.ts"]],
    ["over several lines", 'import {\n  a,\n  b,\n} from "./a.ts";', ["./a.ts"]],
    ["a namespace", 'import * as a from "./a.ts";', ["./a.ts"]],
    ["a bare import", 'import "./a.ts";', ["./a.ts"]],
    ["a dynamic import", 'const a = await import("./a.ts");', ["./a.ts"]],
    ["a dynamic import that is not a plain string", 'import("./" + name)', [COMPUTED]],
    ["a dynamic import of a template", "import(`./a.ts`)", [COMPUTED]],
    ["a dynamic import inside a template", 'const t = `x ${import("./a.ts")} y`;', ["./a.ts"]],
    ["require", 'const a = require("express");', ["express"]],
    ["a re-export", 'export { a } from "./a.ts";', ["./a.ts"]],
    ["a re-export of everything", 'export * from "./a.ts";', ["./a.ts"]],
    ["a type import", 'import type { A } from "./a.ts";', ["type ./a.ts"]],
    ["a type re-export", 'export type { A } from "./a.ts";', ["type ./a.ts"]],
    ["an inline type still runs the file", 'import { type A } from "./a.ts";', ["./a.ts"]],
    ["an import of something named type", 'import type from "./a.ts";', ["./a.ts"]],
    ["a type used in place", 'let a: import("./a.ts").A;', ["./a.ts"]],
    ["not in a comment", '// import "./a.ts"\n/* import "./b.ts" */', []],
    ["not in a string", "const s = 'import \"./a.ts\"';", []],
    ["not in a template", 'const s = `import "./a.ts"`;', []],
    ["after a regular expression with a quote", 'const r = /"/; import "./a.ts";', ["./a.ts"]],
    ["after a division", 'const r = a / b; import "./a.ts"; c / d', ["./a.ts"]],
    ["after a template in a template", 'const s = `${`}"${"`"}`}`; import "./a.ts";', ["./a.ts"]],
    ["not import.meta", "const u = import.meta.url;", []],
    ["not Array.from", 'Array.from("abc")', []],
    ["not a method named import", 'archive.import("./a.ts")', []],
  ];
  it.each(cases)("%s", (_why, source, expected) => {
    const found = importsOf(source).map((i) => (i.typeOnly ? `type ${i.specifier}` : i.specifier));
    expect(found).toEqual(expected);
  });

  it("knows the line, across comments and templates", () => {
    const source = '/*\n*/\nconst s = `\n${1}\n`;\nimport "./a.ts";';
    expect(importsOf(source)).toEqual([{ specifier: "./a.ts", line: 6, typeOnly: false }]);
  });
});

it.each([
  ["export default 1;", true],
  ["export { a as default };", true],
  ["export { default as a } from './a.ts';", false],
  ["switch (a) { default: }", false],
  ["// export default 1", false],
])("%s exports a default: %s", (source, expected) => {
  expect(hasDefaultExport(source)).toBe(expected);
});

it.each([
  ["export interface A {}", []],
  ["export type A = 1;", []],
  ["export type { A } from './a.ts';", []],
  ["export class A {}", ["class A"]],
  ["export const LIMIT = 1;", ["const LIMIT"]],
])("%s exports at run time: %s", (source, expected) => {
  expect(valueExportsOf(source)).toEqual(expected);
});

it.each([
  ["const t = Date.now();", ["1: Date.now"]],
  ["const t = new Date();", ["1: newDate()"]],
  ["const t = new Date(5);", []],
  ["\nsetTimeout(f, 5);", ["2: setTimeout"]],
  ["globalThis.setTimeout(f, 5);", ["1: setTimeout"]],
  ["timers.setTimeout(f, 5);", []],
  ['import { setTimeout } from "node:timers/promises";', ["1: setTimeout"]],
  ["const n = Math.random() + performance.now();", ["1: Math.random", "1: performance.now"]],
  ["// Date.now()", []],
  ['const s = "Date.now()";', []],
])("%s uses %s", (source, expected) => {
  expect(ambientUsesOf(source)).toEqual(expected);
});
