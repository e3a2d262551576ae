/** State below each node: node, log, variable. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { Json } from "../../../agent/kernel/index.ts";
import type { CutJson } from "../../../collector/api/shapes.ts";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import type { VariableName } from "../model/choices.ts";
import { isLongState } from "../model/long-state.ts";
import { byName } from "../model/nodes.ts";
import { bendWords, type GlancedCut, isInconsistent, type ShownCut } from "../model/shown-cut.ts";
import { FOLDED_ROWS, hasMatch, matcherOf, NameOrder, rowKey } from "../model/state-rows.ts";
import { clockText, countText, plural } from "../scale/time-words.ts";
import { useNear } from "../view/near.ts";
import { chunksOf, ROW_PX, RowChunk } from "./row-chunk.tsx";
import { ValueText } from "./value-cell.tsx";

/** Rows drawn together: about a screenful. */
const CHUNK_ROWS = 20;

export interface StateProps {
  readonly app: App;
  /** While a long state is moved a glance: some nodes are not known yet. */
  readonly cut: ShownCut | GlancedCut;
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
      (filter === "" || hasMatch(state, filter)),
  );
  const isLong = isLongState(cut.json);
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
          isLong={isLong}
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
  /** Whether the state has so many variables that only those near what is visible are drawn. */
  readonly isLong: boolean;
}

function NodeState(props: NodeProps): JSX.Element {
  const { app, node, state, hue, cut, isLong } = props;
  const isOpen = useSignal(true);
  const heightPx = () => foldedRows(state) * ROW_PX;
  const near = useNear<HTMLDivElement>(!isLong, heightPx);
  const isKnown = !("known" in cut) || cut.known.has(node);
  const isDrawn = isOpen.value && near.isNear;
  useEffect(() => {
    app.cutAsker.setInSight(node, isLong && isDrawn);
    return () => app.cutAsker.setInSight(node, false);
  }, [node, isLong, isDrawn]);
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
        {isKnown && <NodeWorth node={node} state={state} cut={cut} isMember={isMember} />}
      </h3>
      {isOpen.value && !isMember && <p class="hint">Not a member at this time.</p>}
      <div ref={near.ref}>
        {isDrawn && isMember && isKnown && <Logs {...props} />}
        {isOpen.value && isMember && !(near.isNear && isKnown) && (
          <div style={{ height: `${near.isNear ? heightPx() : near.heightPx}px` }} />
        )}
      </div>
    </section>
  );
}

function foldedRows({ logs }: CutJson["nodes"][string]): number {
  return Object.values(logs)
    .map((variables) => 1 + Math.min(FOLDED_ROWS, Object.keys(variables).length))
    .reduce((sum, count) => sum + count, 0);
}

function Logs({ state, filter, ...props }: NodeProps): JSX.Element {
  const matches = matcherOf(filter);
  const logs = Object.entries(state.logs)
    .map(([log, variables]) => {
      const keys = Object.keys(variables);
      return { log, variables, keys: matches ? keys.filter((key) => matches(log, key)) : keys };
    })
    .filter(({ keys }) => keys.length > 0)
    .sort((a, b) => byName(a.log, b.log));
  if (logs.length === 0) return <p class="hint">Holds nothing.</p>;
  return (
    <>
      {logs.map((one) => (
        <LogTable key={one.log} {...props} {...one} />
      ))}
    </>
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

interface LogProps extends Pick<NodeProps, "app" | "node" | "changed" | "isLong"> {
  readonly log: string;
  readonly variables: { readonly [key: string]: Json };
  /** Those to show, in no order. */
  readonly keys: readonly string[];
}

function LogTable({ app, node, log, variables, keys, changed, isLong }: LogProps): JSX.Element {
  const isUnfolded = useSignal(false);
  const order = useMemo(() => new NameOrder(), []);
  const sorted = order.of(keys);
  const shown = isUnfolded.value ? sorted : sorted.slice(0, FOLDED_ROWS);
  return (
    <>
      <table class="variables" aria-rowcount={isLong ? shown.length : undefined}>
        <caption>{log}</caption>
        {chunksOf(shown, CHUNK_ROWS).map((part, place) => (
          <RowChunk
            key={place}
            isLong={isLong}
            rowCount={part.length}
            columnCount={3}
            draw={() =>
              part.map((key, i) => (
                <VariableRow
                  key={key}
                  app={app}
                  name={{ node, log, key }}
                  value={variables[key] as Json}
                  isChanged={changed.has(rowKey(node, log, key))}
                  rowIndex={isLong ? place * CHUNK_ROWS + i + 1 : undefined}
                />
              ))
            }
          />
        ))}
      </table>
      {shown.length < sorted.length && (
        <button
          type="button"
          class="more"
          onClick={() => {
            isUnfolded.value = true;
          }}
        >
          Show {plural(sorted.length - shown.length, "more variable")}
        </button>
      )}
    </>
  );
}

interface VariableRowProps {
  readonly app: App;
  readonly name: VariableName;
  readonly value: Json;
  readonly isChanged: boolean;
  /** From 1; for tables that are drawn in parts. */
  readonly rowIndex: number | undefined;
}

function VariableRow({ app, name, value, isChanged, rowIndex }: VariableRowProps): JSX.Element {
  const { node, log, key } = name;
  return (
    <tr data-changed={isChanged} aria-rowindex={rowIndex}>
      <th scope="row">
        <button
          type="button"
          class="link"
          title="Its history"
          onClick={() => app.verbs.openVariable(name)}
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
          onClick={() => void app.walker.why(name)}
        >
          why
          <span class="sr-only">
            : {log} / {key} on {node}
          </span>
        </button>
      </td>
    </tr>
  );
}
