/** Trees as text for the cases: every node in brackets, so that nothing depends on precedence. */
import type { Expr, Query } from "../../../collector/rql/text/ast.ts";

export function treeText(node: Expr): string {
  switch (node.type) {
    case "number":
      return String(node.value);
    case "duration":
      return `${node.amount}${node.unit}`;
    case "string":
      return JSON.stringify(node.value);
    case "time":
      return brackets("TIME", JSON.stringify(node.text));
    case "boolean":
      return node.value ? "TRUE" : "FALSE";
    case "null":
      return "NULL";
    case "name":
      return /^\w+$/.test(node.name) ? node.name : `\`${node.name}\``;
    case "field":
      return brackets(node.aside ? "aside." : ".", treeText(node.object), node.field);
    case "index":
      return brackets(node.aside ? "aside[]" : "[]", treeText(node.object), treeText(node.index));
    case "negate":
      return brackets("-", treeText(node.operand));
    case "not":
      return brackets("NOT", treeText(node.operand));
    case "arithmetic":
    case "setop":
    case "compare":
      return brackets(node.op, treeText(node.left), treeText(node.right));
    case "is":
      return brackets(`IS${node.negated ? "-NOT" : ""}`, treeText(node.operand), node.what);
    case "logical":
      return brackets(node.op, ...node.operands.map(treeText));
    case "choice": {
      const whenFalse = node.whenFalse === undefined ? ";" : treeText(node.whenFalse);
      return brackets("?", treeText(node.condition), treeText(node.whenTrue), whenFalse);
    }
    case "call":
      return brackets("call", node.name, ...node.args.map(treeText));
    case "set":
      return brackets("set", ...node.members.map(treeText));
    case "filter":
      return brackets("filter", node.variable.name, treeText(node.source), treeText(node.body));
    case "quantifier": {
      const bindings = node.bindings.map(({ variables, source }) =>
        brackets("in", ...variables.map(({ name }) => name), treeText(source)),
      );
      return brackets(node.kind, ...bindings, treeText(node.body));
    }
    case "declare":
      return brackets(node.scope, node.target.name, ...(node.value ? [treeText(node.value)] : []));
    case "assign":
      return brackets(":=", node.target.name, treeText(node.value));
  }
}

export function queryText(query: Query): string {
  const { items, logs, compute, when, nodes, time, take } = query;
  const window = when?.window;
  const parts = [
    query.explain ? "EXPLAIN" : "",
    brackets(
      "SELECT",
      ...items.map((item) =>
        item.star ? "*" : treeText(item.expr) + (item.as ? ` AS ${item.as}` : ""),
      ),
    ),
    brackets("FROM", ...logs.map(({ name }) => name)),
    compute ? brackets("COMPUTE", treeText(compute)) : "",
    when ? brackets("WHEN", treeText(when.expr)) : "",
    window
      ? brackets(
          window.kind,
          ...(window.expr ? [treeText(window.expr)] : []),
          treeText(window.duration),
        )
      : "",
    nodes ? brackets("AT", ...nodes.map(({ name }) => JSON.stringify(name))) : "",
    time ? brackets("ON", treeText(time.from), ...(time.to ? [treeText(time.to)] : [])) : "",
    query.groupByService ? "GROUP" : "",
    query.eachChange ? "EACH" : "",
    take ? brackets(take.kind, take.kind === "COUNT" ? "" : String(take.count)) : "",
  ];
  return parts.filter((part) => part !== "").join(" ");
}

function brackets(...parts: readonly string[]): string {
  return `(${parts.filter((part) => part !== "").join(" ")})`;
}
