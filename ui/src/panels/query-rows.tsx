/**
 * Rows of a query, a page of them at a time: the page of the chosen row, so that walking with N and P
 * turns pages by itself. A hundred thousand rows cost no more than two hundred.
 */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { App } from "../app.ts";
import { valueText } from "../model/value-text.ts";
import { lastsText, raggedText, shortfallText } from "../query/end-words.ts";
import type { ResultRow, RowBook } from "../query/row-book.ts";
import { clockText, countText, exactClockText } from "../scale/time-words.ts";
import { ValueText } from "./value-cell.tsx";

const PAGE_ROWS = 200;

interface RowsProps {
  readonly app: App;
  readonly book: RowBook;
}

export function QueryRows({ app, book }: RowsProps): JSX.Element {
  const rows = app.query.rows.value;
  const chosen = app.query.place.value;
  const page = useSignal(0);
  useEffect(() => {
    if (chosen !== undefined) page.value = Math.floor(chosen / PAGE_ROWS);
  }, [chosen, page]);
  const first = Math.min(page.value * PAGE_ROWS, Math.max(0, rows.length - 1));
  const start = first - (first % PAGE_ROWS);
  const shown = rows.slice(start, start + PAGE_ROWS);
  const isGrouped = rows.some(({ service }) => service !== "");
  const isSeveral = book.parts.length > 1;
  return (
    <>
      {rows.length > PAGE_ROWS && (
        <div class="pages">
          <button
            type="button"
            class="tool"
            aria-disabled={start === 0}
            onClick={() => {
              page.value = Math.max(0, page.value - 1);
            }}
          >
            Earlier rows
          </button>
          <span>
            {countText(start + 1)} – {countText(start + shown.length)} of {countText(rows.length)}
          </span>
          <button
            type="button"
            class="tool"
            aria-disabled={start + PAGE_ROWS >= rows.length}
            onClick={() => {
              if (start + PAGE_ROWS < rows.length) page.value += 1;
            }}
          >
            Later rows
          </button>
        </div>
      )}
      <table class="hits" aria-rowcount={rows.length + 1}>
        <caption class="sr-only">
          Rows in the order of time. Choosing one puts the cut at its beginning.
        </caption>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col">From</th>
            <th scope="col">Lasts</th>
            <th scope="col">Values at its start</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((row, place) => (
            <Row
              key={`${row.query}/${row.n}/${row.service}`}
              app={app}
              row={row}
              index={start + place}
              isChosen={start + place === chosen}
              label={labelOf(row, isSeveral, isGrouped)}
            />
          ))}
        </tbody>
      </table>
    </>
  );
}

function labelOf(row: ResultRow, isSeveral: boolean, isGrouped: boolean): string {
  return [isSeveral ? `query ${row.query + 1}` : "", isGrouped ? row.service : ""]
    .filter((word) => word !== "")
    .join(", ");
}

interface RowProps {
  readonly app: App;
  readonly row: ResultRow;
  readonly index: number;
  readonly isChosen: boolean;
  readonly label: string;
}

function Row({ app, row, index, isChosen, label }: RowProps): JSX.Element {
  const ragged = raggedText(row);
  return (
    <tr
      aria-rowindex={index + 2}
      data-selected={isChosen}
      data-incomplete={!row.complete}
      data-hit={row.kind === "hit"}
    >
      <th scope="row">
        <button
          type="button"
          class="link"
          aria-current={isChosen}
          title={`${exactClockText(row.from)}: put the cut here`}
          onClick={() => app.query.goTo(row)}
        >
          {clockText(row.from)}
        </button>
        {label !== "" && <span class="row-label">{label}</span>}
        {row.by.length > 0 && <By app={app} row={row} />}
      </th>
      <td>
        <span title={ragged === "" ? undefined : ragged}>{lastsText(row)}</span>
        {!row.complete && (
          <span class="sign warn" title={row.incomplete.map(shortfallText).join("; ")}>
            incomplete
          </span>
        )}
        {ragged !== "" && <span class="sr-only">: {ragged}</span>}
      </td>
      <td class="hit-values">
        <Values row={row} />
      </td>
    </tr>
  );
}

/** The nodes whose change began the row. */
function By({ app, row }: { readonly app: App; readonly row: ResultRow }): JSX.Element {
  const hues = new Map(app.watch.facts.value?.nodes.map(({ node, hue }) => [node, hue]));
  const [first, ...more] = row.by;
  return (
    <span class="row-label" title={`began by a change of ${row.by.join(", ")}`}>
      <i class={`swatch hue-${hues.get(first ?? "") ?? 0}`} aria-hidden="true" /> {first}
      {more.length > 0 && ` +${more.length}`}
    </span>
  );
}

function Values({ row }: { readonly row: ResultRow }): JSX.Element {
  if (row.values === null) return <span class="muted">not kept</span>;
  const columns = Object.entries(row.values);
  if (columns.length === 1) return <ValueText value={columns[0]?.[1] ?? null} />;
  return (
    <dl>
      {columns.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd title={valueText(value)}>{valueText(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
