/** The example history as event lines, as `retroscope import jsonl` reads them. */
import { formatHlc } from "../../../agent/kernel/index.ts";
import { CollectorClient } from "../../../collector/cli/client.ts";
import { doorTo } from "../../../collector/cli/door.ts";
import { importJsonl } from "../../../collector/interop/import-jsonl.ts";
import { EXAMPLE_HISTORY, EXAMPLE_SERVICES } from "./example-history.ts";
import type { Happening } from "./told-cuts.ts";

export function exampleLines(): string {
  const inOrder = EXAMPLE_HISTORY.toSorted((a, b) => a.t - b.t);
  return inOrder.map((one) => `${JSON.stringify(lineOf(one))}\n`).join("");
}

function lineOf(one: Happening): object {
  const { node, kind } = one;
  const head = { node, service: EXAMPLE_SERVICES[node], t: formatHlc(one.t), kind };
  switch (one.kind) {
    case "set":
      return { ...head, log: one.log, key: one.key, value: one.value };
    case "send":
      return { ...head, id: one.id, to: one.to };
    case "receive":
      return { ...head, id: one.id, from: "a" };
    default:
      throw new Error(`no event line for ${one.kind}`);
  }
}

/** Feeds it to a collector. */
export async function importExample(url: string): Promise<void> {
  const report = await importJsonl({
    door: doorTo(new CollectorClient(url)),
    name: "the example history",
    bytes: (async function* () {
      yield Buffer.from(exampleLines());
    })(),
  });
  if (report.skipped.length > 0) throw new Error(JSON.stringify(report.skipped));
}
