/** Brings what was found before the eye: a node's lane, a variable, a log. */
import { batch } from "@preact/signals";
import type { App } from "../app.ts";
import type { NodeFacts } from "../model/nodes.ts";

/** Selects the node, and gives it its lane back where it had none. */
export function showNode({ choices, laneVerbs, verbs, layout }: App, node: NodeFacts): void {
  batch(() => {
    laneVerbs.show(node);
    choices.selectedNode.value = node.node;
    choices.foldedServices.value = choices.foldedServices
      .peek()
      .filter((service) => service !== node.service);
  });
  const lane = layout.peek().laneOf(node.node);
  document.getElementById("lanes")?.scrollTo({ top: (lane?.y ?? 0) - 60 });
  verbs.say(`${node.node} is selected: steps and events keep to it.`);
}

interface FoundVariable {
  readonly log: string;
  readonly key: string;
  readonly nodes: readonly string[];
}

/** Its history, where one node alone can be meant; else all that hold it, side by side. */
export function showVariable({ choices, verbs, stateFilter }: App, found: FoundVariable): void {
  const { log, key, nodes } = found;
  const selected = choices.selectedNode.peek();
  const node = nodes.length === 1 ? nodes[0] : nodes.find((one) => one === selected);
  batch(() => {
    if (node !== undefined) {
      verbs.openVariable({ node, log, key });
      return;
    }
    verbs.openVariable(null);
    verbs.openTab("state");
    choices.selectedNode.value = null;
    choices.stateOrder.value = "variable";
    stateFilter.value = key;
  });
}

/** State, with this log alone. */
export function showLog({ verbs, stateFilter }: App, log: string): void {
  batch(() => {
    verbs.openVariable(null);
    verbs.openTab("state");
    stateFilter.value = log;
  });
}
