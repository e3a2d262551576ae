/** How long requests took, and where time was lost: `latency`, `bottlenecks`. */
import type { Command } from "commander";
import type { BottlenecksJson, LatencyJson } from "../api/bottleneck-shapes.ts";
import {
  askingOptions,
  type CliContext,
  clientOf,
  newCommand,
  repeated,
  runs,
  selectionOf,
  show,
  single,
} from "./command.ts";
import { EXIT } from "./exit.ts";
import { recentRange, recentRangeOf } from "./recent-range.ts";
import { bottlenecksText } from "./show-bottlenecks.ts";
import { latencyText } from "./show-latency.ts";

const DEFAULT_WINDOW = "1s";

export function bottleneckCommands(context: CliContext): Command[] {
  return [latencyCommand(context), bottlenecksCommand(context)];
}

function latencyCommand(context: CliContext): Command {
  const command = recentRange(
    newCommand(
      "latency",
      "Prints percentiles of request times per window, each of a merged histogram.",
      "retroscope latency --from -10s --window 50ms --service cart",
    ),
  )
    .addOption(single("--window <duration>", "10ms to 1h", DEFAULT_WINDOW))
    .addOption(repeated("--node <id>", "Only this node"))
    .addOption(repeated("--service <name>", "Only nodes of this service"))
    .addOption(single("--operation <name>", "Only this operation"));
  return runs(askingOptions(command), context, async (_words, options) => {
    const { io } = context;
    const given = options as { [name: string]: string | undefined };
    const { node, service } = selectionOf(options);
    const answer = await clientOf(options, io).ask<LatencyJson>("/api/latency", {
      ...recentRangeOf(options, io.nowMs()),
      window: given["window"] ?? DEFAULT_WINDOW,
      operation: given["operation"],
      node,
      service,
    });
    show(answer, options, io, latencyText);
    return EXIT.done;
  });
}

function bottlenecksCommand(context: CliContext): Command {
  const command = recentRange(
    newCommand(
      "bottlenecks",
      "Prints short stalls in a range: which tier, why, and what they cost.",
      "retroscope bottlenecks --from -5m --min-ms 50",
    ),
  ).addOption(single("--min-ms <number>", "Only those that lasted so long", "0"));
  return runs(askingOptions(command), context, async (_words, options) => {
    const { io } = context;
    const given = options as { [name: string]: string | undefined };
    const answer = await clientOf(options, io).ask<BottlenecksJson>("/api/bottlenecks", {
      ...recentRangeOf(options, io.nowMs()),
      minMs: given["minMs"],
    });
    show(answer, options, io, bottlenecksText);
    return EXIT.done;
  });
}
