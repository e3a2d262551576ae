/** The typed twin of drawing a box. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { App } from "../app.ts";
import type { LatencyBox } from "../model/choices.ts";
import { clockText } from "../scale/time-words.ts";
import { chooseBox } from "./latency-desk.ts";
import { readTypedBox, type TypedBox } from "./typed-box.ts";

const FIELDS: readonly (readonly [name: keyof TypedBox, label: string])[] = [
  ["from", "From"],
  ["to", "To"],
  ["lowMs", "Fastest, ms"],
  ["highMs", "Slowest, ms"],
];

export function BoxForm({
  app,
  box,
}: {
  readonly app: App;
  readonly box: LatencyBox;
}): JSX.Element {
  const problem = useSignal<string | null>(null);
  const shown: TypedBox = {
    ...{ from: clockText(box.from), to: clockText(box.to) },
    ...{ lowMs: String(box.lowUs / 1_000), highMs: String(box.highUs / 1_000) },
  };
  return (
    <details class="box-form">
      <summary>Type the box</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const data = new FormData(event.currentTarget);
          const typed = Object.fromEntries(
            FIELDS.map(([name]) => [name, String(data.get(name) ?? "")]),
          ) as unknown as TypedBox;
          const read = readTypedBox(typed, box.from, app.watch.facts.peek()?.now);
          problem.value = "problem" in read ? read.problem : null;
          if ("box" in read) chooseBox(app, read.box);
        }}
      >
        {FIELDS.map(([name, label]) => (
          <label key={`${name} ${shown[name]}`}>
            {label}
            <input name={name} class="filter" defaultValue={shown[name]} autocomplete="off" />
          </label>
        ))}
        <button type="submit" class="tool">
          Use
        </button>
      </form>
      {problem.value !== null && (
        <p class="notice error" role="alert">
          {problem.value}
        </p>
      )}
    </details>
  );
}
