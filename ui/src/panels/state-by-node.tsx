/** State below each node: node, log, variable. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { CutJson } from "../../../collector/api/shapes.ts";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import type { CutAnswer } from "../model/answers.ts";
import { byName } from "../model/nodes.ts";
import { FOLDED_ROWS, rowKey, rowsOf, type StateRow } from "../model/state-rows.ts";
import { valueText } from "../model/value-text.ts";
import { clockText, plural } from "../scale/time-words.ts";

export interface StateProps {
  readonly app: App;
  readonly cut: CutAnswer;
  readonly filter: string;
  /** Rows that the latest step changed, by `rowKey`. */
  readonly changed: ReadonlySet<string>;
}

export function StateByNode({ app, cut, filter, changed }: StateProps): JSX.Element {
  const hues = new Map(app.watch.facts.value?.nodes.map(({ node, hue }) => [node, hue]));
  const nodes = Object.entries(cut.json.nodes).sort(
    ([a, one], [b, two]) => byName(one.service, two.service) || byName(a, b),
  );
  const shown = nodes.filter(([, state]) => filter === "" || rowsOf(state, filter).length > 0);
  if (shown.length === 0) {
    return (
      <p class="hint">
        {filter === "" ? "No node had joined by then." : `Nothing matches “${filter}”.`}
      </p>
    );
  }
  return (
    <>
      {shown.map(([node, state]) => (
        <NodeState
          key={node}
          node={node}
          state={state}
          hue={hues.get(node) ?? 0}
          cut={cut}
          filter={filter}
          changed={changed}
        />
      ))}
    </>
  );
}

interface NodeProps extends Omit<StateProps, "app"> {
  readonly node: string;
  readonly state: CutJson["nodes"][string];
  readonly hue: number;
}

function NodeState({ node, state, hue, cut, filter, changed }: NodeProps): JSX.Element {
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
          <LogTable key={log} node={node} log={log} rows={logRows} changed={changed} />
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
  return (
    <span class="worth">
      {!cut.json.consistent && isMember && <span class="sign warn">inconsistent</span>}
      {missing !== undefined && (
        <span class="sign warn">
          as of {clockText(ticksOf(known) < cut.at ? ticksOf(known) : cut.at)}
        </span>
      )}
      {state.status !== "live" && <span class="sign">{state.status}</span>}
    </span>
  );
}

interface LogProps {
  readonly node: string;
  readonly log: string;
  readonly rows: readonly StateRow[];
  readonly changed: ReadonlySet<string>;
}

function LogTable({ node, log, rows, changed }: LogProps): JSX.Element {
  const isUnfolded = useSignal(false);
  const shown = isUnfolded.value ? rows : rows.slice(0, FOLDED_ROWS);
  return (
    <>
      <table class="variables">
        <caption>{log}</caption>
        <tbody>
          {shown.map(({ key, value }) => (
            <tr key={key} data-changed={changed.has(rowKey(node, log, key))}>
              <th scope="row">{key}</th>
              <td>{valueText(value)}</td>
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
