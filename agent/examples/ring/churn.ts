/**
 * What is done to the ring: steps of one or two actions at once, drawn from a seed. Between steps the ring
 * is left to mend itself. Never so much at once that a list of successors could fail as a whole.
 */
export type ActionKind = "join" | "leave" | "kill";

export interface Action {
  readonly kind: ActionKind;
  readonly node: string;
}

/** Actions that are taken at once; of different nodes. */
export type ChurnStep = readonly Action[];

const MAX_AT_ONCE = 2;

/**
 * Steps for a ring in which all are members; at their end all are again.
 * @param count of steps before the last, which lets those back in who are out
 * @param least members that stay, whatever is drawn
 */
export function planChurn(
  names: readonly string[],
  count: number,
  least: number,
  random: () => number,
): readonly ChurnStep[] {
  const members = new Set(names);
  const steps: ChurnStep[] = [];
  for (let i = 0; i < count; i += 1) {
    const actions: Action[] = [];
    const size = random() < 0.5 ? 1 : MAX_AT_ONCE;
    while (actions.length < size) {
      const touched = new Set(actions.map(({ node }) => node));
      const inside = [...members].filter((name) => !touched.has(name));
      const outside = names.filter((name) => !members.has(name) && !touched.has(name));
      const mayLose = members.size > least && inside.length > 0;
      if (!mayLose && outside.length === 0) break;
      const joins = outside.length > 0 && (!mayLose || random() < 0.4);
      const kind = joins ? "join" : random() < 0.6 ? "kill" : "leave";
      const from = joins ? outside : inside;
      const node = from[Math.floor(random() * from.length)] as string;
      if (joins) members.add(node);
      else members.delete(node);
      actions.push({ kind, node });
    }
    if (actions.length > 0) steps.push(actions);
  }
  const out = names.filter((name) => !members.has(name));
  if (out.length > 0) steps.push(out.map((node) => ({ kind: "join", node })));
  return steps;
}

/** `kill ring-3, join ring-5`. */
export function textOf(step: ChurnStep): string {
  return step.map(({ kind, node }) => `${kind} ${node}`).join(", ");
}
