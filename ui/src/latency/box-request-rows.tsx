/** Requests of a box, or of one cell of its comparison: slowest first, each a way to its event. */
import type { JSX } from "preact";
import { ticksOf } from "../api/client.ts";
import type { App } from "../app.ts";
import { clockText, microsText, plural } from "../scale/time-words.ts";
import type { ListedCell, RequestFacts } from "./contrast.ts";

const MAX_ROWS = 50;

interface BoxRequestRowsProps {
  readonly app: App;
  readonly requests: readonly RequestFacts[];
  /** Null: all of the box. */
  readonly cell: ListedCell | null;
  readonly onAll: () => void;
}

export function BoxRequestRows({ app, requests, cell, onAll }: BoxRequestRowsProps): JSX.Element {
  const slowest = [...requests].sort((a, b) => b.residenceUs - a.residenceUs).slice(0, MAX_ROWS);
  const where = cell?.isInBox === false ? "rest of the view" : "box";
  return (
    <section aria-label="Requests of the box">
      <div class="panel-title">
        <h3>
          {cell === null
            ? "Slowest requests in the box"
            : `${cell.field} ${cell.value}, in the ${where}`}
        </h3>
        {cell !== null && (
          <button type="button" class="tool" onClick={onAll}>
            All of the box
          </button>
        )}
      </div>
      <table class="values">
        <caption class="sr-only">Slowest first</caption>
        <thead>
          <tr>
            <th scope="col">Ended</th>
            <th scope="col">Node</th>
            <th scope="col">Operation</th>
            <th scope="col" class="number">
              Took
            </th>
          </tr>
        </thead>
        <tbody>
          {slowest.map(({ line, residenceUs, values }) => {
            const { node, epoch, seq } = line;
            const t = ticksOf(line.t);
            return (
              <tr key={`${node} ${epoch} ${seq}`}>
                <td>
                  <button
                    type="button"
                    class="link"
                    title="Cut here, and all about this request"
                    onClick={() => {
                      app.verbs.moveCut(t, true);
                      app.verbs.selectEvent({ node, epoch, seq, t });
                    }}
                  >
                    {clockText(t)}
                  </button>
                </td>
                <td>{node}</td>
                <td>{values.operation[0]}</td>
                <td class="number">{microsText(residenceUs)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {requests.length > slowest.length && (
        <p class="hint">{plural(requests.length - slowest.length, "more request")}.</p>
      )}
    </section>
  );
}
