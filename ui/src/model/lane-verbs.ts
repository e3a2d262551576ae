/** Which lanes stand where: hiding, pinning, moving and filtering them. */
import { batch } from "@preact/signals";
import type { Verbs } from "./actions.ts";
import type { Choices, LaneChoices } from "./choices.ts";
import type { LaneLayout } from "./lane-layout.ts";
import type { NodeFacts } from "./nodes.ts";

export const ALL_LANES: LaneChoices = { hidden: [], pinned: [], order: [], filter: "" };

export class LaneVerbs {
  readonly #choices: Choices;
  readonly #verbs: Verbs;

  constructor(choices: Choices, verbs: Verbs) {
    this.#choices = choices;
    this.#verbs = verbs;
  }

  hide(node: string): void {
    const { lanes } = this.#choices;
    const { hidden, pinned } = lanes.peek();
    batch(() => {
      this.#set({ hidden: [...hidden, node], pinned: pinned.filter((one) => one !== node) });
      if (this.#choices.selectedNode.peek() === node) this.#choices.selectedNode.value = null;
    });
    this.#verbs.say(`${node} is hidden; messages through it are drawn dashed.`);
  }

  /** Gives a node its lane back, whatever hid it. */
  show({ node, service }: Pick<NodeFacts, "node" | "service">): void {
    const { hidden, filter } = this.#choices.lanes.peek();
    const isLeftOut = hiddenNodes([{ node, service }], { ...ALL_LANES, filter }).has(node);
    this.#set({
      hidden: hidden.filter((one) => one !== node),
      filter: isLeftOut ? "" : filter,
    });
  }

  /** Shows every lane again. */
  showAll(): void {
    this.#set({ hidden: [], filter: "" });
  }

  /** Above all services, or back among its own. */
  togglePinned(node: string): void {
    const { pinned } = this.#choices.lanes.peek();
    const others = pinned.filter((one) => one !== node);
    this.#set({ pinned: others.length < pinned.length ? others : [...pinned, node] });
  }

  /** Up or down by one place among the lanes of its group. */
  move(node: string, by: 1 | -1, layout: LaneLayout): void {
    const { lanes } = this.#choices;
    const { pinned, order } = lanes.peek();
    const lane = layout.laneOf(node);
    const group = layout.lanes
      .filter(({ service }) => service === lane?.service)
      .flatMap(({ nodes }) => nodes.map((one) => one.node));
    const moved = swapped(group, group.indexOf(node), by);
    if (pinned.includes(node)) this.#set({ pinned: moved });
    else this.#set({ order: [...order.filter((one) => !moved.includes(one)), ...moved] });
    this.#verbs.say(`${node} is lane ${moved.indexOf(node) + 1} of ${moved.length} now.`);
  }

  filter(text: string): void {
    this.#set({ filter: text });
  }

  #set(some: Partial<LaneChoices>): void {
    this.#choices.lanes.value = { ...this.#choices.lanes.peek(), ...some };
  }
}

function swapped(list: readonly string[], place: number, by: 1 | -1): readonly string[] {
  const [one, two] = [list[place], list[place + by]];
  if (one === undefined || two === undefined) return list;
  return list.with(place, two).with(place + by, one);
}

/** The nodes without a lane: hidden one by one, or not matched by the filter. */
export function hiddenNodes(
  nodes: readonly Pick<NodeFacts, "node" | "service">[],
  { hidden, filter }: LaneChoices,
): ReadonlySet<string> {
  const wanted = filter.trim().toLowerCase();
  const isWanted = ({ node, service }: (typeof nodes)[number]) =>
    wanted === "" || `${service}\n${node}`.toLowerCase().includes(wanted);
  return new Set(
    nodes.filter((one) => hidden.includes(one.node) || !isWanted(one)).map(({ node }) => node),
  );
}
