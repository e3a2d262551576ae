/** State by variable: the nodes side by side, disagreement first. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { byName } from "../model/nodes.ts";
import { FOLDED_ROWS, rowKey, variableRows } from "../model/state-rows.ts";
import { valueText } from "../model/value-text.ts";
import { plural } from "../scale/time-words.ts";
import type { StateProps } from "./state-by-node.tsx";

export function StateByVariable({ app, cut, filter, changed }: StateProps): JSX.Element {
  const isUnfolded = useSignal(false);
  const rows = variableRows(cut.json, filter);
  const nodes = Object.keys(cut.json.nodes)
    .filter((node) => rows.some(({ values }) => values.has(node)))
    .sort(byName);
  const hues = new Map(app.watch.facts.value?.nodes.map(({ node, hue }) => [node, hue]));
  if (rows.length === 0) {
    return (
      <p class="hint">
        {filter === "" ? "No variable existed then." : `Nothing matches “${filter}”.`}
      </p>
    );
  }
  const differing = rows.filter(({ differs }) => differs).length;
  const shown = isUnfolded.value ? rows : rows.slice(0, FOLDED_ROWS);
  return (
    <>
      <p class="hint">
        {differing === 0
          ? "All nodes agree."
          : `${differing} of ${plural(rows.length, "variable")} ${differing === 1 ? "differs" : "differ"} between nodes.`}
        {!cut.json.consistent && <span class="sign warn">inconsistent</span>}
        {!cut.json.complete && <span class="sign warn">incomplete</span>}
      </p>
      <div class="wide" tabIndex={0} role="group" aria-label="Variables by node">
        <table class="variables across">
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
          <tbody>
            {shown.map(({ log, key, values, differs }) => (
              <tr key={`${log}\n${key}`} data-differs={differs}>
                <th scope="row">
                  <span class="log">{log} / </span>
                  {key}
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
                      {value === undefined ? "–" : valueText(value)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
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
