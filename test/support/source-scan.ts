/**
 * Reads what a source file imports, exports by default and asks of the clock, from its text alone.
 *
 * There is no compiler API in TypeScript 7, and regular expressions over lines are fooled by
 * comments and strings. So the text is cut into tokens, comments dropped, and the tokens are read:
 *
 *     import type { Hlc } from "./hlc.ts"; // import "old.ts"
 *     word   word . word . word string     -
 *
 * JSX text is cut as if it were code. An apostrophe or slash there may swallow the rest of its
 * line, which hides nothing, as an import does not stand behind text on one line.
 */

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** `import type` and `export type`: gone after compiling. */
  readonly typeOnly: boolean;
}

/** The specifier given to an import() whose argument is no plain string. */
export const COMPUTED = "(computed)";

interface Token {
  readonly kind: "word" | "string" | "sign";
  readonly text: string;
  readonly line: number;
}

/** All forms alike: static, re-export, bare `import "x"`, `import("x")`, `require("x")`. */
export function importsOf(source: string): Import[] {
  const tokens = tokensOf(source);
  const found: Import[] = [];
  tokens.forEach((token, at) => {
    const next = tokens[at + 1];
    if (token.kind !== "word" || next === undefined) return;
    const isMember = tokens[at - 1]?.text === ".";
    if (token.text === "from" && next.kind === "string") {
      found.push(importAt(next, isTypeOnly(tokens, at)));
    } else if (token.text === "import" && next.kind === "string") {
      found.push(importAt(next, false));
    } else if (["import", "require"].includes(token.text) && next.text === "(" && !isMember) {
      const argument = tokens[at + 2];
      const isPlain =
        argument?.kind === "string" && [")", ","].includes(tokens[at + 3]?.text ?? "");
      found.push(importAt(isPlain ? argument : { ...next, text: COMPUTED }, false));
    }
  });
  return found;
}

/** Whether anything is exported as `default`, by whatever form. */
export function hasDefaultExport(source: string): boolean {
  const tokens = tokensOf(source);
  return tokens.some(({ kind, text }, at) => {
    if (kind !== "word" || text !== "default") return false;
    const before = tokens[at - 1]?.text;
    return before === "export" || (before === "as" && isInExportList(tokens, at));
  });
}

/** Exports that exist at run time: "class Clock", "const LIMIT", "{ x }", "* from". */
export function valueExportsOf(source: string): string[] {
  const tokens = tokensOf(source);
  return tokens.flatMap(({ kind, text }, at) => {
    if (kind !== "word" || text !== "export") return [];
    const next = tokens[at + 1]?.text ?? "";
    if (["interface", "type", "declare"].includes(next)) return [];
    return [`${next} ${tokens[at + 2]?.text ?? ""}`];
  });
}

/** What takes the time, a timer or chance from the surroundings instead of being given it. */
const AMBIENT: readonly (readonly string[])[] = [
  ["Date", ".", "now"],
  ["new", "Date", "(", ")"],
  ["performance", ".", "now"],
  ["process", ".", "hrtime"],
  ["Math", ".", "random"],
  ["setTimeout"],
  ["setInterval"],
];

/** Uses of the real clock, timers and chance, as "line: Date.now". */
export function ambientUsesOf(source: string): string[] {
  const tokens = tokensOf(source);
  return tokens.flatMap((token, at) => {
    const isMember = tokens[at - 1]?.text === "." && tokens[at - 2]?.text !== "globalThis";
    if (token.kind !== "word" || isMember) return [];
    const used = AMBIENT.find((pattern) =>
      pattern.every((text, offset) => tokens[at + offset]?.text === text),
    );
    return used === undefined ? [] : [`${token.line}: ${used.join("")}`];
  });
}

function importAt({ text, line }: Token, typeOnly: boolean): Import {
  return { specifier: text, line, typeOnly };
}

/** Walks back from `from` to the `import` or `export` it belongs to. */
function isTypeOnly(tokens: readonly Token[], from: number): boolean {
  for (let at = from - 1; at >= 0; at -= 1) {
    const text = tokens[at]?.text;
    if (text === "import" || text === "export") {
      return tokens[at + 1]?.text === "type" && at + 2 < from;
    }
  }
  return false;
}

function isInExportList(tokens: readonly Token[], from: number): boolean {
  for (let at = from; at >= 0; at -= 1) {
    if (tokens[at]?.text === "{") return tokens[at - 1]?.text === "export";
  }
  return false;
}

// ---- Tokens ----

const TOKEN =
  /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'|[A-Za-z_$#][\w$]*|\d[\w.]*|[\s\S]/y;
const REGEX = /\/(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const TEMPLATE_TEXT = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y;
/** After these a slash begins a regular expression; after other words and `)`, `]`, `}` it divides. */
const BEFORE_REGEX = new Set("return typeof case in of do else void delete throw new".split(" "));

function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  /** Open braces; true for one that a template's `${` opened. */
  const braces: boolean[] = [];
  let at = 0;
  let line = 1;

  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0] ?? "";
    at += text.length;
    return text;
  };
  const countLines = (text: string) => {
    line += text.split("\n").length - 1;
  };
  /** Skips a template's text up to its end, or to a `${`, after which code follows. */
  const skipTemplate = () => {
    countLines(take(TEMPLATE_TEXT));
    if (source[at] === "$") {
      braces.push(true);
      at += 2;
    } else {
      at += 1;
    }
  };

  while (at < source.length) {
    if (
      source[at] === "/" &&
      regexMayFollow(tokens.at(-1)) &&
      !/^\/[/*]/.test(source.slice(at, at + 2))
    ) {
      if (take(REGEX) !== "") continue;
    }
    const text = take(TOKEN);
    const first = text[0] ?? "";
    if (/^(?:\s|\/\/|\/\*)/.test(text)) {
      countLines(text);
    } else if (first === "`") {
      skipTemplate();
    } else if (text === "}" && braces.pop() === true) {
      skipTemplate();
    } else if (text.length > 1 && (first === '"' || first === "'")) {
      tokens.push({ kind: "string", text: text.slice(1, -1), line });
      countLines(text);
    } else {
      if (text === "{") braces.push(false);
      tokens.push({ kind: /[\w$#]/.test(first) ? "word" : "sign", text, line });
    }
  }
  return tokens;
}

function regexMayFollow(before: Token | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === "word") return BEFORE_REGEX.has(before.text);
  return before.kind === "sign" && ![")", "]", "}"].includes(before.text);
}
