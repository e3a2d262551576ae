/** Ships a UI scenario to a real collector as agents do: one batch per node, in the wire format. */
import { BatchBuilder } from "../../agent/kernel/batch-builder.ts";
import { type EventBody, type Hlc, type Json, KindCode } from "../../agent/kernel/index.ts";
import { postBatch } from "./post-batch.ts";
import type { Scenario, ScenarioEvent } from "./ui-scenario.ts";

export async function postScenario(url: string, scenario: Scenario): Promise<void> {
  for (const { node, service, epoch, closed } of scenario.nodes) {
    const builder = new BatchBuilder();
    for (const event of scenario.events.filter((one) => one.node === node))
      add(builder, event, scenario);
    await postBatch(url, builder.build({ node, service, epoch, firstSeq: 1, closed }));
  }
}

function add(builder: BatchBuilder, event: ScenarioEvent, scenario: Scenario): void {
  const { t, kind, fields } = event;
  if (kind === "set" || kind === "delete" || kind === "add" || kind === "remove") {
    const value = kind === "delete" ? undefined : (fields["value"] as Json);
    builder.change(t, KindCode[kind], String(fields["log"]), String(fields["key"]), value);
  } else builder.body(t, bodyOf(event, scenario));
}

function bodyOf(
  { node, epoch, kind, fields, send, service }: ScenarioEvent,
  scenario: Scenario,
): EventBody {
  const channel = String(fields["channel"] ?? "http");
  switch (kind) {
    case "join":
      return { kind, service, tags: {}, instance: node };
    case "leave":
      return { kind };
    case "mark":
      return { kind, text: String(fields["text"]) };
    case "send":
      return {
        ...{ kind, channel, to: String(fields["to"]), peer: null, id: null },
        ...{ replaces: null, failed: false, streamed: false },
      };
    case "receive": {
      const sent = scenario.events.find((one) => one.node === send?.node && one.seq === send.seq);
      if (sent === undefined) throw new Error("a receive of the scenario has no send");
      const from = { node: sent.node, epoch, seq: sent.seq };
      return {
        kind,
        channel,
        from,
        sentT: sent.t as Hlc,
        peer: null,
        id: null,
        unverified: false,
        relayed: false,
      };
    }
    case "request":
      return {
        kind,
        operation: String(fields["operation"]),
        residenceUs: Number(fields["residenceUs"]),
        outcome: String(fields["outcome"]),
        calls: fields["calls"] as [],
        waits: [],
      };
    default:
      throw new Error(`the scenario has no ${kind}`);
  }
}
