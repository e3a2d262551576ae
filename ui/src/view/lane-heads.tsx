/** Left of the lanes: services that fold, nodes that can be selected, and what is wrong with them. */
import type { JSX } from "preact";
import type { App } from "../app.ts";
import type { HeadingRow, LaneRow } from "../model/lane-layout.ts";
import type { NodeFacts } from "../model/nodes.ts";
import { reasonLabel } from "../model/reasons.ts";
import { plural } from "../scale/time-words.ts";

export function LaneHeads({ app }: { readonly app: App }): JSX.Element {
  return (
    <ul class="lane-heads" aria-label="Services and nodes">
      {app.layout.value.rows.map((row) =>
        row.type === "heading" ? (
          <Heading key={`service ${row.service}`} app={app} row={row} />
        ) : (
          <LaneHead key={`lane ${row.nodes[0]?.node}`} app={app} row={row} />
        ),
      )}
    </ul>
  );
}

function Heading({ app, row }: { readonly app: App; readonly row: HeadingRow }): JSX.Element {
  return (
    <li class="lane-heading">
      <button
        type="button"
        aria-expanded={!row.isFolded}
        title={row.isFolded ? "Unfold" : "Fold into one lane"}
        onClick={() => app.verbs.toggleFold(row.service)}
      >
        <span class="chevron" aria-hidden="true" />
        <span class="name">{row.service}</span>
        <span class="count">{row.nodeCount}</span>
      </button>
    </li>
  );
}

function LaneHead({ app, row }: { readonly app: App; readonly row: LaneRow }): JSX.Element | null {
  const [node] = row.nodes;
  if (node === undefined) return null;
  if (row.nodes.length > 1) {
    return (
      <li class="lane-head folded">
        <span class="swatches" aria-hidden="true">
          {row.nodes.slice(0, 6).map(({ node: id, hue }) => (
            <i key={id} class={`swatch hue-${hue}`} />
          ))}
        </span>
        <span class="name">{plural(row.nodes.length, "node")}</span>
      </li>
    );
  }
  const isSelected = app.choices.selectedNode.value === node.node;
  return (
    <li class="lane-head">
      <button
        type="button"
        aria-pressed={isSelected}
        title={isSelected ? "Steps keep to this node; click to let go" : "Keep steps to this node"}
        onClick={() => app.verbs.selectNode(node.node)}
      >
        <i class={`swatch hue-${node.hue}`} aria-hidden="true" />
        <span class="name">{node.node}</span>
        <NodeSign app={app} node={node} />
      </button>
    </li>
  );
}

/** What the cut says about the node, else its own state where that is not plainly live. */
function NodeSign({
  app,
  node,
}: {
  readonly app: App;
  readonly node: NodeFacts;
}): JSX.Element | null {
  const cut = app.answers.cut.answered.value?.answer.json;
  const missing = cut?.incomplete.find((one) => one.node === node.node);
  if (missing !== undefined) return <span class="sign warn">{reasonLabel(missing.reason)}</span>;
  return node.status === "live" ? null : <span class="sign">{node.status}</span>;
}
