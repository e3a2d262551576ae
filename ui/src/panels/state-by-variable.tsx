/** State by variable: the nodes side by side, disagreement first. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { isLongState } from "../model/long-state.ts";
import { byName } from "../model/nodes.ts";
import { orderWords } from "../model/shown-cut.ts";
import { FOLDED_ROWS, rowKey, type VariableRow, variableRows } from "../model/state-rows.ts";
import { valueText } from "../model/value-text.ts";
import { plural } from "../scale/time-words.ts";
import { chunksOf, RowChunk } from "./row-chunk.tsx";
import type { StateProps } from "./state-by-node.tsx";

/** Cells drawn together, at most; a row is as wide as there are nodes. */
const CHUNK_CELLS = 320;

export function StateByVariable({ app, cut, filter, changed }: StateProps): JSX.Element {
  const rows = variableRows(cut.json, filter);
  if (rows.length === 0) {
    return (
      <p class="hint">
        {filter === "" ? "No variable existed then." : `Nothing matches “${filter}”.`}
      </p>
    );
  }
  const isLong = isLongState(cut.json);
  const differing = rows.filter(({ differs }) => differs).length;
  // In the order of the rows: logs that disagree come first.
  const byLog = new Map<string, VariableRow[]>();
  for (const row of rows) {
    const logRows = byLog.get(row.log);
    if (logRows === undefined) byLog.set(row.log, [row]);
    else logRows.push(row);
  }
  return (
    <>
      <p class="hint">
        {differing === 0
          ? "All nodes agree. "
          : `${differing} of ${plural(rows.length, "variable")} ${differing === 1 ? "differs" : "differ"} between nodes. `}
        A click on a name draws it on the lanes, one on a value opens its history.
        {!cut.json.consistent && <span class="sign warn">{orderWords(cut)}</span>}
        {!cut.json.complete && <span class="sign warn">incomplete</span>}
      </p>
      {[...byLog].map(([log, logRows]) => (
        <LogAcross key={log} app={app} log={log} rows={logRows} changed={changed} isLong={isLong} />
      ))}
    </>
  );
}

interface LogProps extends Pick<StateProps, "app" | "changed"> {
  readonly log: string;
  readonly rows: readonly VariableRow[];
  readonly isLong: boolean;
}

/** One log across the nodes that have it. */
function LogAcross({ app, log, rows, changed, isLong }: LogProps): JSX.Element {
  const isUnfolded = useSignal(false);
  const hues = new Map(app.watch.facts.value?.nodes.map(({ node, hue }) => [node, hue]));
  const nodes = [...new Set(rows.flatMap(({ values }) => [...values.keys()]))].sort(byName);
  const shown = isUnfolded.value ? rows : rows.slice(0, FOLDED_ROWS);
  const chunkRows = Math.max(1, Math.floor(CHUNK_CELLS / (nodes.length + 1)));
  return (
    <>
      <div class="wide" tabIndex={0} role="group" aria-label={`${log} by node`}>
        <table class="variables across" aria-rowcount={isLong ? shown.length + 1 : undefined}>
          <caption>{log}</caption>
          <thead>
            <tr>
              <th scope="col">Variable</th>
              {nodes.map((node) => (
                <th key={node} scope="col">
                  <i class={`swatch hue-${hues.get(node) ?? 0}`} aria-hidden="true" /> {node}
                </th>
              ))}
            </tr>
          </thead>
          {chunksOf(shown, chunkRows).map((part, place) => (
            <RowChunk
              key={place}
              isLong={isLong}
              rowCount={part.length}
              columnCount={nodes.length + 1}
              draw={() =>
                part.map(({ key, values, differs }, i) => (
                  <tr
                    key={key}
                    data-differs={differs}
                    aria-rowindex={isLong ? place * chunkRows + i + 2 : undefined}
                  >
                    <th scope="row">
                      <button
                        type="button"
                        class="link"
                        title={
                          isPinned(app, log, key) ? "No longer on the lanes" : "Show on the lanes"
                        }
                        aria-pressed={isPinned(app, log, key)}
                        onClick={() => app.verbs.togglePin({ log, key })}
                      >
                        {key}
                      </button>
                      {differs && <span class="sign">differs</span>}
                    </th>
                    {nodes.map((node) => {
                      const value = values.get(node);
                      return (
                        <td
                          key={node}
                          data-changed={changed.has(rowKey(node, log, key))}
                          data-absent={value === undefined}
                        >
                          {value === undefined ? (
                            "–"
                          ) : (
                            <button
                              type="button"
                              class="link"
                              title={`History of ${log} / ${key} on ${node}`}
                              onClick={() => app.verbs.openVariable({ node, log, key })}
                            >
                              {valueText(value)}
                            </button>
                          )}
                        </td>
                      );
                    })}
                  </tr>
                ))
              }
            />
          ))}
        </table>
      </div>
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

function isPinned({ choices }: StateProps["app"], log: string, key: string): boolean {
  return choices.pins.value.some((pin) => pin.log === log && pin.key === key);
}
