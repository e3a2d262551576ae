/**
 * The loop of walker.ts as one function made for one query: aggregates and conditions stand inside it.
 * Hot: benches `walk`, `walk-wide`.
 *
 * What is made into code is the lowered tree (ir.ts) alone: operators from a fixed list, and indexes. No
 * character of a user's text gets here: names have become cells, literals lie in arrays. Where making
 * code from strings is forbidden, `generatedWalker` says so, and closures take over.
 */

import type { Cells } from "./cells.ts";
import { equalsNumber, equalsText, isUnknownIn, sameIn } from "./closures.ts";
import type { NumberIr, TruthIr } from "./ir.ts";
import type { Conjunct, Program } from "./program.ts";
import type { Known, Listener, Walker } from "./walker.ts";

/** Numbers and truths as in arithmetic.ts, written out so that they are compiled into the loop. */
const PRELUDE = `"use strict";
const { cells, odd, constants, texts, readings, askings, aggregates, known, listener } = env;
const { equalsNumber, equalsText, sameIn, isUnknownIn } = env;
const numbers = cells.numbers;
const { truths, isStale } = known;
const finite = (r, a, b) => r - r === 0 ? r : odd.of(a, b);
const add = (a, b) => finite(a + b, a, b);
const sub = (a, b) => finite(a - b, a, b);
const mul = (a, b) => finite(a * b, a, b);
const div = (a, b) => b === 0 ? odd.of(a, b) : finite(a / b, a, b);
const mod = (a, b) => b === 0 ? odd.of(a, b) : finite(a % b, a, b);
const lt = (a, b) => a < b ? 1 : a >= b ? 0 : 2;
const le = (a, b) => a <= b ? 1 : a > b ? 0 : 2;
const gt = (a, b) => a > b ? 1 : a <= b ? 0 : 2;
const ge = (a, b) => a >= b ? 1 : a < b ? 0 : 2;
const eq = (a, b) => a === b ? 1 : a === a && b === b ? 0 : 2;
const ne = (a, b) => a === b ? 0 : a === a && b === b ? 1 : 2;
const not = (a) => a === 2 ? 2 : 1 - a;
const greater = (a, b) => a !== a || b !== b ? NaN : a > b ? a : b;
const less = (a, b) => a !== a || b !== b ? NaN : a > b ? b : a;
const something = (a) => a - a === 0 ? a : NaN;
const cell = (c) => { const v = numbers[c]; return v === v ? v : odd.cell(c); };
const cellTruth = (c) => { const v = numbers[c]; return v === 0 ? 0 : v === v ? 1 : odd.truth(c); };
const numberTruth = (v) => v === 0 ? 0 : v === v ? 1 : 2;
`;

const ARITHMETIC = { "+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod" } as const;
const COMPARISON = { "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "=": "eq", "!=": "ne" } as const;
const UNARY = {
  Abs: "Math.abs",
  Ceil: "Math.ceil",
  Floor: "Math.floor",
  Sin: "Math.sin",
  Cos: "Math.cos",
  Tan: "Math.tan",
} as const;

/** Undefined where code must not be made from strings. */
export function generatedWalker(
  program: Program,
  cells: Cells,
  known: Known,
  listener: Listener,
  everyCut: boolean,
): Walker | undefined {
  const { lowering } = program;
  const aggregates = Array.from({ length: cells.columnCount }, (_, column) =>
    cells.aggregatesOf(column),
  );
  const env = {
    ...{ cells, known, listener, aggregates },
    ...{ equalsNumber, equalsText, sameIn, isUnknownIn },
    odd: lowering.odd,
    constants: lowering.numbers,
    texts: lowering.texts,
    readings: lowering.readings,
    askings: lowering.askings,
  };
  try {
    const make = new Function("env", new WalkerText(program, cells, everyCut).text());
    return make(env) as Walker;
  } catch (error) {
    if (error instanceof EvalError) return undefined;
    throw error;
  }
}

class WalkerText {
  readonly #program: Program;
  readonly #cells: Cells;
  readonly #everyCut: boolean;
  #temporaries = 0;

  constructor(program: Program, cells: Cells, everyCut: boolean) {
    this.#program = program;
    this.#cells = cells;
    this.#everyCut = everyCut;
  }

  text(): string {
    const { when, follower } = this.#program;
    const evaluated = this.#evaluated();
    const followerText =
      follower === undefined ? "q = 0;" : this.#conjunct(follower, when.length, "q");
    const body = `
const truthAt = (moment) => { let p = 1, s = 1; ${evaluated} return p; };
const followerAt = (moment) => { let q = 0, s = 0; ${followerText} return q; };
const walk = (t, cell_, number, at, count, pace) => {
  let i = at, cuts = pace.cuts, lastP = pace.p, lastQ = pace.q, p = 1, q = 0, s = 1;
  for (; i < count; i += 1) {
    const moment = t[i], of = cell_[i], value = number[i], before = numbers[of];
    if (moment === t[i + 1] || value !== value || before !== before) break;
    if (value === before) continue;
    numbers[of] = value;
    ${this.#updates()}
    cuts += 1;
    p = 1;
    ${evaluated}
    ${followerText}
    if (${this.#everyCut ? "true" : "p !== lastP || q !== lastQ"}) {
      lastP = pace.p = p; lastQ = pace.q = q; pace.cuts = cuts;
      listener.turn(moment, of, p, q);
    }
  }
  pace.cuts = cuts;
  return i;
};
return { walk, truth: truthAt, follower: followerAt };`;
    return `${PRELUDE}${this.#tables()}${this.#declared()}${body}`;
  }

  /** Everything that is referred to by index, as constants of the function. */
  #tables(): string {
    const { lowering } = this.#program;
    const lines: string[] = [];
    lowering.numbers.forEach((_, i) => {
      lines.push(`const k${i} = constants[${i}];`);
    });
    lowering.readings.forEach((_, i) => {
      lines.push(`const r${i} = readings[${i}];`);
    });
    lowering.askings.forEach((_, i) => {
      lines.push(`const a${i} = askings[${i}];`);
    });
    for (let column = 0; column < this.#cells.columnCount; column += 1) {
      this.#cells.aggregatesOf(column).forEach((_, i) => {
        lines.push(`const g${column}_${i} = aggregates[${column}][${i}];`);
      });
    }
    return `${lines.join("\n")}\n`;
  }

  #declared(): string {
    if (this.#temporaries === 0) return "";
    const names = Array.from({ length: this.#temporaries }, (_, i) => `v${i} = 0`);
    return `let ${names.join(", ")};\n`;
  }

  /** What follows a change of a number: by column, since each has aggregates and readers of its own. */
  #updates(): string {
    const nodes = this.#cells.nodeIds.length;
    const columns = Array.from({ length: this.#cells.columnCount }, (_, column) => {
      const node = column === 0 ? "of" : `of - ${column * nodes}`;
      const updates = this.#cells
        .aggregatesOf(column)
        .map((_, i) => `g${column}_${i}.update(${node}, before, value);`);
      return [...updates, ...this.#readers(column)].join(" ");
    });
    return columns
      .map((text, column) => {
        const isLast = column === columns.length - 1;
        return isLast ? `{ ${text} }` : `if (of < ${(column + 1) * nodes}) { ${text} } else `;
      })
      .join("");
  }

  #readers(column: number): string[] {
    const { when, follower } = this.#program;
    const all = follower === undefined ? when : [...when, follower];
    if (this.#cells.columnCount === 1) return [];
    return all.flatMap(({ columns }, index) =>
      columns.includes(column) ? [`isStale[${index}] = 1;`] : [],
    );
  }

  /** Sets `p` to the condition: what is false ends it. */
  #evaluated(): string {
    const { when, watched } = this.#program;
    const watchers = watched.map(
      (ir) => `odd.is = false; ${this.#number(ir)}; if (odd.is) listener.compute(moment);`,
    );
    let text = "";
    for (let index = when.length - 1; index >= 0; index -= 1) {
      const conjunct = when[index] as Conjunct;
      const rest = text === "" ? "" : `if (p !== 0) { ${text} }`;
      text = `${this.#conjunct(conjunct, index, "s")} if (s !== 1) p = s === 0 ? 0 : 2; ${rest}`;
    }
    return [...watchers, text].join(" ");
  }

  /** Sets a variable to what a conjunct is, evaluated again if something it reads has changed. */
  #conjunct({ ir, columns }: Conjunct, index: number, into: string): string {
    const asked = `listener.ask(${index}, moment)`;
    const evaluated =
      ir === undefined
        ? `${into} = ${asked};`
        : `odd.is = false; ${into} = ${this.#truth(ir)}; if (odd.is) ${into} = ${asked};`;
    // With one column every change touches whoever reads it.
    if (this.#cells.columnCount === 1 && columns.length === 1) {
      return evaluated;
    }
    return (
      `if (isStale[${index}] === 0) ${into} = truths[${index}]; ` +
      `else { isStale[${index}] = 0; ${evaluated} truths[${index}] = ${into}; }`
    );
  }

  #temporary(): string {
    this.#temporaries += 1;
    return `v${this.#temporaries - 1}`;
  }

  #number(ir: NumberIr): string {
    switch (ir.is) {
      case "constant":
        return `k${ir.index}`;
      case "cell":
        return `cell(${ir.cell})`;
      case "absent":
      case "member":
        // Predicates on members are closures: they run where a member changes.
        return "NaN";
      case "negate":
        return `(0 - ${this.#number(ir.of)})`;
      case "arithmetic":
        return `${ARITHMETIC[ir.op]}(${this.#number(ir.left)}, ${this.#number(ir.right)})`;
      case "unary":
        return `${UNARY[ir.name]}(${this.#number(ir.of)})`;
      case "reading":
        return `r${ir.index}.read()`;
      case "extreme": {
        const join = ir.sign === 1 ? "greater" : "less";
        const [first, ...rest] = ir.parts.map((part) => this.#number(part));
        return `something(${rest.reduce((sofar, part) => `${join}(${sofar}, ${part})`, first as string)})`;
      }
      case "choice": {
        const is = this.#temporary();
        const [whenTrue, whenFalse] = [this.#number(ir.whenTrue), this.#number(ir.whenFalse)];
        return `((${is} = ${this.#truth(ir.condition)}) === 1 ? ${whenTrue} : ${is} === 0 ? ${whenFalse} : NaN)`;
      }
    }
  }

  #truth(ir: TruthIr): string {
    switch (ir.is) {
      case "truth":
        return String(ir.value);
      case "compare":
        return `${COMPARISON[ir.op]}(${this.#number(ir.left)}, ${this.#number(ir.right)})`;
      case "equals-number":
        return `equalsNumber(cells, ${ir.cell}, k${ir.index})`;
      case "equals-text":
        return `equalsText(cells, ${ir.cell}, texts[${ir.index}])`;
      case "same":
        return `sameIn(cells, ${ir.left}, ${ir.right})`;
      case "not":
        return `not(${this.#truth(ir.of)})`;
      case "logical":
        return this.#logical(ir.op, ir.operands);
      case "either": {
        const is = this.#temporary();
        const [whenTrue, whenFalse] = [this.#truth(ir.whenTrue), this.#truth(ir.whenFalse)];
        return `((${is} = ${this.#truth(ir.condition)}) === 1 ? ${whenTrue} : ${is} === 0 ? ${whenFalse} : 2)`;
      }
      case "number-as-truth":
        return `numberTruth(${this.#number(ir.of)})`;
      case "cell-as-truth":
        return `cellTruth(${ir.cell})`;
      case "unknown-cell":
        return `isUnknownIn(cells, ${ir.cell})`;
      case "asking":
        return `a${ir.index}.ask(NaN)`;
      case "asking-about":
        return `a${ir.index}.ask(${this.#number(ir.of)})`;
    }
  }

  /** Kleene's AND and OR: what decides ends the chain. */
  #logical(op: "AND" | "OR", operands: readonly TruthIr[]): string {
    const decides = op === "AND" ? 0 : 1;
    const [first, ...rest] = operands.map((operand) => this.#truth(operand));
    return rest.reduce((sofar, operand) => {
      const [left, right] = [this.#temporary(), this.#temporary()];
      return (
        `((${left} = ${sofar}) === ${decides} ? ${decides} : ` +
        `(${right} = ${operand}) === ${decides} ? ${decides} : ${left} === 2 ? 2 : ${right})`
      );
    }, first as string);
  }
}
