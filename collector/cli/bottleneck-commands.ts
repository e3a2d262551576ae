/** How long requests took, and where time was lost: `latency`, `bottlenecks`. */
import type { Command } from "commander";
import type { BottlenecksJson, LatencyJson } from "../api/bottleneck-shapes.ts";
import { askedDurationMs } from "./asked-times.ts";
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
  wholeNumber,
} from "./command.ts";
import { EXIT } from "./exit.ts";
import { recentRange, recentRangeOf } from "./recent-range.ts";
import { bottlenecksText } from "./show-bottlenecks.ts";
import { latencyText } from "./show-latency.ts";

const DEFAULT_WINDOW = "1s";
/** As long as a range may be. */
const MAX_MIN_MS = 3_600_000;

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
    const window = given["window"] ?? DEFAULT_WINDOW;
    // Which lengths there are is the collector's to say.
    askedDurationMs(window, "window");
    const answer = await clientOf(options, io).ask<LatencyJson>("/api/latency", {
      ...recentRangeOf(options, io.nowMs()),
      window,
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
    const answer = await clientOf(options, io).ask<BottlenecksJson>("/api/bottlenecks", {
      ...recentRangeOf(options, io.nowMs()),
      minMs: wholeNumber(options, "minMs", { min: 0, max: MAX_MIN_MS, otherwise: 0 }),
    });
    show(answer, options, io, bottlenecksText);
    return EXIT.done;
  });
}
