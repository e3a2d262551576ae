/**
 * The checker: a program that was read, against the history that it asks about.
 *
 *     logs known → names collected → kinds in rounds → expressions bound → clauses → effects
 *
 * What can never be right is refused here, with a place and a hint; what may be right (a variable or
 * node that nobody has seen yet) is a warning.
 */
import { type Refuse, RqlError, type RqlWarning } from "../errors.ts";
import { TEXT_LIMITS } from "../limits.ts";
import type { Query } from "../text/ast.ts";
import { parseProgram } from "../text/parse.ts";
import { placeOf } from "../text/place.ts";
import { printName } from "../text/print.ts";
import { namesNearestFirst, nearWords } from "../text/words.ts";
import { Binder } from "./bind.ts";
import type { CheckedQuery, CheckedWindow, SelectedItem } from "./bound.ts";
import { rangeOf, ticksOf } from "./constants.ts";
import { collectDeclared, KIND_ROUNDS, startOf } from "./declared.ts";
import { carriedGlobals } from "./effects.ts";
import { type Declared, Names, Variables, type Warn } from "./names.ts";
import type { CheckOptions } from "./schema.ts";
import { describeType } from "./types.ts";

/**
 * Reads and checks a text: the queries in it, ready to run.
 * Cost: linear in the text, times the rounds that kinds need (`KIND_ROUNDS` at most), and in the names
 * of the schema for a name that is not found.
 * @throws RqlError at the first place that is wrong
 *
 * @example
 * const schema = { logs: new Map([["raft", ["leader"]]]), nodes: ["a", "b"], services: ["kv"] };
 * checkText("SELECT leader FROM raft WHEN Cardinality(leader) > 1", { schema, now }).length; // 1
 */
export function checkText(text: string, options: CheckOptions): readonly CheckedQuery[] {
  const { queries } = parseProgram(text);
  const [first, second] = queries;
  if (options.forMonitor === true && first !== undefined) {
    const refuse = refuserOf(text, second === undefined ? 0 : 1);
    if (second !== undefined) {
      refuse("not-for-monitors", "a monitor is one query", second.at, "make a monitor of each");
    }
    refuseForMonitor(first, refuse);
  }
  return queries.map((query, index) => new QueryChecker(text, query, index, options).checked());
}

function refuserOf(text: string, query: number): Refuse {
  return (code, message, at, hint) => {
    throw new RqlError(code, message, placeOf(text, at, query), hint);
  };
}

function refuseForMonitor({ time, take, explain, at }: Query, refuse: Refuse): void {
  const hint = "a monitor looks at every cut from now on, and never ends by itself";
  if (time !== undefined) refuse("not-for-monitors", "a monitor has no ON TIME", time.at, hint);
  if (take !== undefined)
    refuse("not-for-monitors", `a monitor has no ${take.kind}`, take.at, hint);
  if (explain) refuse("not-for-monitors", "a monitor is not explained", at, hint);
}

class QueryChecker {
  readonly #text: string;
  readonly #query: Query;
  readonly #index: number;
  readonly #options: CheckOptions;
  readonly #refuse: Refuse;
  readonly #warnings: RqlWarning[] = [];

  constructor(text: string, query: Query, index: number, options: CheckOptions) {
    this.#text = text;
    this.#query = query;
    this.#index = index;
    this.#options = options;
    this.#refuse = refuserOf(text, index);
  }

  checked(): CheckedQuery {
    const query = this.#query;
    const logs = this.#logs();
    const declared = collectDeclared(query, this.#refuse);
    if (declared.size > 0) this.#findKinds(declared, logs);
    const binder = this.#binder(declared, logs, this.#warn);
    this.#warnShadowed(declared, binder);
    // In the order of the text, so that a warning stands at the first place.
    binder.part = "select";
    const items = this.#items(binder, declared);
    binder.part = "compute";
    const compute = query.compute === undefined ? undefined : binder.truth(query.compute);
    binder.part = "condition";
    const when = query.when === undefined ? undefined : binder.truth(query.when.expr);
    const window = this.#window(binder);
    this.#refuseConflicts();
    for (const { name, at } of query.nodes ?? []) binder.warnUnknownNode(name, at);
    const { compute: inCompute, condition, select } = binder.columnsOf;
    const ofCondition = new Set([...inCompute, ...condition]);
    const names = [...declared.values()].map((one) => {
      return { name: one.name, scope: one.scope, start: startOf(one, this.#refuse) };
    });
    const inOrder = [compute, when, window?.expr, ...items.map(({ expr }) => expr)];
    const exprs = inOrder.filter((expr) => expr !== undefined);
    const sequential = this.#sequential(binder, exprs, declared);
    const time = query.time === undefined ? {} : { time: query.time };
    return {
      ...{ index: this.#index, text: this.#text, query, logs, items, compute, when, window, names },
      columns: binder.variables.columns,
      nodes:
        query.nodes === undefined ? undefined : [...new Set(query.nodes.map(({ name }) => name))],
      range:
        time.time === undefined ? undefined : rangeOf(time.time, this.#options.now, this.#refuse),
      groupByService: query.groupByService,
      eachChange: query.eachChange,
      take: query.take,
      loopSlots: binder.names.deepest,
      becames: binder.becames,
      conditionColumns: when === undefined ? new Set([...ofCondition, ...select]) : ofCondition,
      ages: binder.ages,
      changes: binder.changes,
      usesMessages: binder.usesMessages,
      usesStatus: binder.usesStatus,
      sequential,
      warnings: this.#warnings.toSorted((a, b) => a.offset - b.offset),
    };
  }

  readonly #warn: Warn = (code, message, at, more) => {
    this.#warnings.push({ code, message, ...more?.(), ...placeOf(this.#text, at, this.#index) });
  };

  #logs(): readonly string[] {
    const { logs: known } = this.#options.schema;
    for (const { name, at } of this.#query.logs) {
      if (known.has(name)) continue;
      const [near] = nearWords(name, known.keys());
      const some = namesNearestFirst(name, known.keys()).map(printName);
      const hint =
        near !== undefined
          ? `did you mean ${printName(near)}?`
          : some.length === 0
            ? "nothing is recorded yet"
            : `logs known: ${some.join(", ")}`;
      this.#refuse("unknown-log", `no log "${name}" is known`, at, hint);
    }
    return [...new Set(this.#query.logs.map(({ name }) => name))];
  }

  #binder(declared: ReadonlyMap<string, Declared>, logs: readonly string[], warn: Warn): Binder {
    const { schema } = this.#options;
    const variables = new Variables(logs, schema, warn);
    const names = new Names(declared);
    return new Binder(this.#text, names, variables, this.#options, this.#refuse, warn);
  }

  /** Binds what may assign, until the kinds of the declared names no longer change. */
  #findKinds(declared: ReadonlyMap<string, Declared>, logs: readonly string[]): void {
    const { compute, when } = this.#query;
    const told = (): string =>
      [...declared.values()].map(({ type }) => describeType(type) + (type.isOpen ?? "")).join();
    for (let round = 0; round < KIND_ROUNDS; round += 1) {
      const before = told();
      const binder = this.#binder(declared, logs, () => {});
      binder.part = "compute";
      if (compute !== undefined) binder.truth(compute);
      binder.part = "condition";
      if (when !== undefined) binder.truth(when.expr);
      if (when?.window?.expr !== undefined) binder.truth(when.window.expr);
      if (told() === before) return;
    }
  }

  #warnShadowed(declared: ReadonlyMap<string, Declared>, { variables }: Binder): void {
    for (const { name, at } of declared.values()) {
      const [log] = variables.logsWith(name);
      if (log === undefined) continue;
      const hint = `the variable is still ${printName(log)}.${printName(name)}`;
      this.#warn("shadowed-name", `"${name}" is a variable of log "${log}" too`, at, () => ({
        hint,
      }));
    }
  }

  #window(binder: Binder): CheckedWindow | undefined {
    const window = this.#query.when?.window;
    if (window === undefined) return undefined;
    const expr = window.expr === undefined ? undefined : binder.truth(window.expr);
    return { kind: window.kind, expr, ticks: ticksOf(window.duration) };
  }

  #items(binder: Binder, declared: ReadonlyMap<string, Declared>): SelectedItem[] {
    const items: SelectedItem[] = [];
    const headings = new Set<string>();
    for (const item of this.#query.items) {
      if (item.star) {
        for (const one of this.#everything(binder)) {
          if (!headings.has(one.heading)) items.push(one);
          headings.add(one.heading);
        }
        continue;
      }
      const { start, end } = item.at;
      const heading = item.as ?? this.#text.slice(start, end);
      if (headings.has(heading)) {
        const hint = "give one of them another name by AS";
        this.#refuse("duplicate-column", `two columns are called "${heading}"`, item.at, hint);
      }
      headings.add(heading);
      const { expr, type } = binder.bindAge(item.expr);
      items.push({ heading, expr, isAge: type.ages !== undefined });
    }
    const shown = new Set(items.map(({ expr }) => (expr.type === "declared" ? expr.slot : -1)));
    for (const { scope, slot, name, at } of declared.values()) {
      if (scope !== "OUT" || shown.has(slot)) continue;
      if (headings.has(name)) {
        const hint = "give the other one another name by AS";
        this.#refuse("duplicate-column", `two columns are called "${name}"`, at, hint);
      }
      items.push({ heading: name, expr: { type: "declared", slot, at }, isAge: false });
    }
    if (items.length > TEXT_LIMITS.columns) {
      const hint = `a row has at most ${TEXT_LIMITS.columns} columns: name those you need`;
      const [first] = this.#query.items;
      this.#refuse("too-many-columns", "too many columns", first?.at ?? this.#query.at, hint);
    }
    return items;
  }

  /** `*`: every variable of the FROM logs. */
  #everything({ variables, columnsOf }: Binder): SelectedItem[] {
    const star = this.#query.items.find((item) => item.star);
    const at = star?.at ?? this.#query.at;
    return variables.all().map(({ log, key }) => {
      const column = variables.column(log, key, at);
      columnsOf.select.add(column);
      const isAlone = log === undefined || variables.logsWith(key).length === 1;
      const heading = isAlone ? key : `${log}.${key}`;
      return { heading, expr: { type: "variable", aspect: "value", column, at }, isAge: false };
    });
  }

  #refuseConflicts(): void {
    const { eachChange, when, at } = this.#query;
    if (!eachChange || when?.window === undefined) return;
    const hint = "EACH CHANGE shows single cuts, the window asks for stretches: leave one out";
    const message = "EACH CHANGE does not go with FOR AT LEAST, THEN and NOT FOLLOWED BY";
    const place = { start: when.window.at.start, end: Math.min(when.window.at.end, at.end) };
    this.#refuse("conflicting-clauses", message, place, hint);
  }

  #sequential(
    binder: Binder,
    exprs: readonly CheckedQuery["items"][number]["expr"][],
    declared: ReadonlyMap<string, Declared>,
  ): string | undefined {
    const wandering = binder.wanderingAssignment;
    if (wandering !== undefined) {
      const hint = "assignments in COMPUTE, outside quantifiers, let slices run side by side";
      const message = "this assignment makes the query run cut by cut";
      this.#warn("sequential", message, wandering, () => ({ hint }));
      return "an assignment stands outside COMPUTE or in a quantifier";
    }
    const all = [...declared.values()];
    const scopes = all.map(({ scope }) => scope);
    const carried = carriedGlobals(exprs, scopes).map((slot) => all[slot]?.name ?? "");
    if (carried.length === 0) return undefined;
    return `${carried.join(", ")} may be read before it is assigned in the same cut`;
  }
}
