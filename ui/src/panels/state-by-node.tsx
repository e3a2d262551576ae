/** State below each node: node, log, variable. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { CutJson } from "../../../collector/api/shapes.ts";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import { byName } from "../model/nodes.ts";
import { bendWords, isInconsistent, type ShownCut } from "../model/shown-cut.ts";
import { FOLDED_ROWS, rowKey, rowsOf, type StateRow } from "../model/state-rows.ts";
import { clockText, countText, plural } from "../scale/time-words.ts";
import { ValueText } from "./value-cell.tsx";

export interface StateProps {
  readonly app: App;
  readonly cut: ShownCut;
  readonly filter: string;
  /** Rows that the latest step changed, by `rowKey`. */
  readonly changed: ReadonlySet<string>;
}

export function StateByNode({ app, cut, filter, changed }: StateProps): JSX.Element {
  const hues = new Map(app.watch.facts.value?.nodes.map(({ node, hue }) => [node, hue]));
  const nodes = Object.entries(cut.json.nodes).sort(
    ([a, one], [b, two]) => byName(one.service, two.service) || byName(a, b),
  );
  const selected = app.choices.selectedNode.value;
  const members = new Set(cut.json.members);
  const shown = nodes.filter(
    ([node, state]) =>
      (selected === null ? members.has(node) : node === selected) &&
      (filter === "" || rowsOf(state, filter).length > 0),
  );
  const absent = selected === null ? nodes.filter(([node]) => !members.has(node)) : [];
  const only = selected !== null && (
    <p class="only">
      <span>
        Only <b>{selected}</b>
      </span>
      <button type="button" class="tool" onClick={() => app.verbs.selectNode(null)}>
        Show all nodes
      </button>
    </p>
  );
  if (shown.length === 0) {
    return (
      <>
        {only}
        <p class="hint">{emptyWords(filter, selected, nodes.length)}</p>
      </>
    );
  }
  return (
    <>
      {only}
      {shown.map(([node, state]) => (
        <NodeState
          key={node}
          app={app}
          node={node}
          state={state}
          hue={hues.get(node) ?? 0}
          cut={cut}
          filter={filter}
          changed={changed}
        />
      ))}
      {absent.length > 0 && filter === "" && <Absent names={absent.map(([node]) => node)} />}
    </>
  );
}

function emptyWords(filter: string, selected: string | null, nodeCount: number): string {
  if (filter !== "") return `Nothing matches “${filter}”.`;
  if (selected !== null) return "Nothing was recorded of it at this time.";
  return nodeCount === 0 ? "No node had joined by then." : "No node was there at this time.";
}

/** Nodes that have left, or had not come yet: one line, however many. */
function Absent({ names }: { readonly names: readonly string[] }): JSX.Element {
  const few = names.slice(0, MAX_ABSENT_NAMES).join(", ");
  const more = names.length - MAX_ABSENT_NAMES;
  return (
    <p class="hint absent">
      {plural(names.length, "node")} {names.length === 1 ? "was" : "were"} not there at this time:{" "}
      {few}
      {more > 0 ? ` and ${countText(more)} more` : ""}
    </p>
  );
}
const MAX_ABSENT_NAMES = 8;

interface NodeProps extends StateProps {
  readonly node: string;
  readonly state: CutJson["nodes"][string];
  readonly hue: number;
}

function NodeState({ app, node, state, hue, cut, filter, changed }: NodeProps): JSX.Element {
  const isOpen = useSignal(true);
  const rows = rowsOf(state, filter);
  const byLog = new Map<string, StateRow[]>();
  for (const row of rows) byLog.set(row.log, [...(byLog.get(row.log) ?? []), row]);
  const isMember = cut.json.members.includes(node);
  return (
    <section class="node-state" aria-label={`State of ${node}`}>
      <h3>
        <button
          type="button"
          class="disclose"
          aria-expanded={isOpen.value}
          onClick={() => {
            isOpen.value = !isOpen.value;
          }}
        >
          <span class="chevron" aria-hidden="true" />
          <i class={`swatch hue-${hue}`} aria-hidden="true" />
          <span class="name">{node}</span>
        </button>
        <NodeWorth node={node} state={state} cut={cut} isMember={isMember} />
      </h3>
      {isOpen.value && !isMember && <p class="hint">Not a member at this time.</p>}
      {isOpen.value && isMember && rows.length === 0 && <p class="hint">Holds nothing.</p>}
      {isOpen.value &&
        [...byLog].map(([log, logRows]) => (
          <LogTable key={log} app={app} node={node} log={log} rows={logRows} changed={changed} />
        ))}
    </section>
  );
}

/** What must stand beside every value of this node. */
function NodeWorth({
  node,
  state,
  cut,
  isMember,
}: Pick<NodeProps, "node" | "state" | "cut"> & { readonly isMember: boolean }): JSX.Element {
  const missing = cut.json.incomplete.find((one) => one.node === node);
  const known = missing?.after ?? state.watermark;
  const bent = bendWords(cut, node);
  const at = cut.bends?.get(node)?.at ?? cut.at;
  return (
    <span class="worth">
      {isInconsistent(cut) && isMember && <span class="sign warn">inconsistent</span>}
      {bent !== undefined && <span class="sign warn">{bent}</span>}
      {missing !== undefined && (
        <span class="sign warn">as of {clockText(ticksOf(known) < at ? ticksOf(known) : at)}</span>
      )}
      {state.status !== "live" && <span class="sign">{state.status}</span>}
    </span>
  );
}

interface LogProps {
  readonly app: App;
  readonly node: string;
  readonly log: string;
  readonly rows: readonly StateRow[];
  readonly changed: ReadonlySet<string>;
}

function LogTable({ app, node, log, rows, changed }: LogProps): JSX.Element {
  const isUnfolded = useSignal(false);
  const shown = isUnfolded.value ? rows : rows.slice(0, FOLDED_ROWS);
  return (
    <>
      <table class="variables">
        <caption>{log}</caption>
        <tbody>
          {shown.map(({ key, value }) => (
            <tr key={key} data-changed={changed.has(rowKey(node, log, key))}>
              <th scope="row">
                <button
                  type="button"
                  class="link"
                  title="Its history"
                  onClick={() => app.verbs.openVariable({ node, log, key })}
                >
                  {key}
                </button>
              </th>
              <td>
                <ValueText value={value} />
              </td>
              <td class="row-tools">
                <button
                  type="button"
                  class="link"
                  title="Go to the write of this value, and to what came before it"
                  onClick={() => void app.walker.why({ node, log, key })}
                >
                  why
                  <span class="sr-only">
                    : {log} / {key} on {node}
                  </span>
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length < rows.length && (
        <button
          type="button"
          class="more"
          onClick={() => {
            isUnfolded.value = true;
          }}
        >
          Show {plural(rows.length - shown.length, "more variable")}
        </button>
      )}
    </>
  );
}
