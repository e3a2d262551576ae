/** Asks on-demand nodes for a past range: `capture`. */
import type { Command } from "commander";
import { RetroError } from "../../agent/kernel/index.ts";
import type { CaptureJson, H } from "../api/shapes.ts";
import { askedDurationMs, askedTime, TIME_FORMS } from "./asked-times.ts";
import {
  askingOptions,
  type CliContext,
  clientOf,
  newCommand,
  repeated,
  runs,
  show,
  single,
} from "./command.ts";
import { EXIT, errorLines } from "./exit.ts";
import { captureText } from "./show-capture.ts";
import { msAgo } from "./times.ts";

const DEFAULT_WAIT_MS = 3_000;
/** The collector holds an answer no longer. */
const MAX_WAIT_MS = 60_000;

export function captureCommand(context: CliContext): Command {
  const command = newCommand(
    "capture",
    "Asks nodes that record on demand for their events of a past range.",
    "retroscope capture --from -5s --to now",
  )
    .addOption(single("--from <time>", TIME_FORMS, "-5s"))
    .addOption(single("--to <time>", "End here; up to 60 s in the future", "now"))
    .addOption(repeated("--node <id>", "Only this node"))
    .addOption(single("--reason <text>", "Why, for whoever lists captures"))
    .addOption(single("--wait <duration>", "Wait so long after the end of the range", "3s"))
    .option("--strict", "Exit 1 unless all of it came");
  return runs(askingOptions(command), context, async (_words, options) => {
    const { io } = context;
    const given = options as { from?: string; to?: string; reason?: string; wait?: string };
    const nodes = options["node"] as readonly string[] | undefined;
    const from = askedTime(given.from ?? "-5s", "--from", io.nowMs());
    const to = askedTime(given.to ?? "now", "--to", io.nowMs());
    const toldMs = given.wait === undefined ? DEFAULT_WAIT_MS : askedDurationMs(given.wait, "wait");
    const client = clientOf(options, io);
    const reason = given.reason === undefined ? {} : { reason: given.reason };
    const named = nodes === undefined ? {} : { nodes };
    const asked = await client.post<CaptureJson>("/api/captures", {
      from,
      to,
      ...named,
      ...reason,
    });
    const waitMs = Math.min(MAX_WAIT_MS, toldMs + aheadMs(asked.to, io.nowMs()));
    const path = `/api/captures/${encodeURIComponent(asked.id)}`;
    const isWaited = asked.state === "asked" && waitMs > 0;
    const query = { wait: `${Math.ceil(waitMs)}ms` };
    const capture = isWaited ? await client.ask<CaptureJson>(path, query, waitMs) : asked;
    show(capture, options, io, (answer) =>
      captureText(answer, { nowMs: io.nowMs(), columns: io.columns }),
    );
    if (options["strict"] !== true || capture.state === "done") return EXIT.done;
    const hint = "Nodes hold a window of a minute or so: ask sooner, or for less.";
    io.err(errorLines(new RetroError("incomplete", "not all of the range was captured", { hint })));
    return EXIT.no;
  });
}

/** How far a time is ahead of now. */
function aheadMs(time: H, nowMs: number): number {
  return Math.max(0, -msAgo(time, nowMs));
}
