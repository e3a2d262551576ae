/** A value in a table cell: one line; the whole JSON while the row is pointed at or has the focus. */
import type { JSX } from "preact";
import type { Json } from "../../../agent/kernel/index.ts";
import { isShortened, jsonText, valueText } from "../model/value-text.ts";

export function ValueText({ value }: { readonly value: Json }): JSX.Element {
  return (
    <>
      <span class="value">{valueText(value)}</span>
      {isShortened(value) && <pre class="whole-value">{jsonText(value)}</pre>}
    </>
  );
}
