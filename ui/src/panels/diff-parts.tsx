/** One row of Diff, opened: the parts of the value that differ. Computed when it is opened. */
import type { JSX } from "preact";
import type { Json } from "../../../agent/kernel/index.ts";
import { pathDiff, pathText } from "../model/path-diff.ts";
import { changeSign, valueText } from "../model/value-text.ts";
import { plural } from "../scale/time-words.ts";

interface PartsProps {
  readonly before: Json;
  readonly after: Json;
}

export function DiffParts({ before, after }: PartsProps): JSX.Element {
  const { changes, changeCount, unchangedCount } = pathDiff(before, after);
  const more = changeCount - changes.length;
  return (
    <div class="parts">
      <ul aria-label="Parts that differ">
        {changes.map((change) => {
          const [shown, name] = changeSign(change);
          const path = pathText(change.path);
          return (
            <li key={path}>
              <span class={`diff-sign ${name}`} title={name}>
                <span aria-hidden="true">{shown}</span>
                <span class="sr-only">{name}:</span>
              </span>
              <code>{path === "" ? "the whole value" : path}</code>{" "}
              {change.before !== undefined && <s>{valueText(change.before)}</s>}
              {change.before !== undefined && change.after !== undefined && (
                <span aria-hidden="true"> → </span>
              )}
              {change.after !== undefined && <span>{valueText(change.after)}</span>}
            </li>
          );
        })}
      </ul>
      {more > 0 && <p class="hint">{plural(more, "more part")} differ.</p>}
      <p class="hint">{plural(unchangedCount, "part")} unchanged.</p>
    </div>
  );
}
