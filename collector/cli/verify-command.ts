/** `verify`: walks a store that no collector is running on, and says what of it is damaged. */

import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { formatHlc, formatIsoMicros, type Hlc } from "../../agent/kernel/index.ts";
import { DEFAULT_DATA } from "../config.ts";
import type { Damage, VerifyReport } from "../verify/report.ts";
import { type CliContext, newCommand, runs, show, single } from "./command.ts";
import { EXIT } from "./exit.ts";
import type { CliIo } from "./io.ts";
import { counted, plain } from "./text.ts";

/** Of more, the rest is counted; `--json` has them all, up to its own limit. */
const SHOWN = 50;

export function verifyCommand(context: CliContext): Command {
  const command = newCommand(
    "verify",
    "Walks every record of a store and lists what is damaged. Stop the collector first.",
    "retroscope verify --data ./history",
  )
    .addOption(single("--data <directory>", "The collector's data", `./${DEFAULT_DATA}`))
    .addOption(new Option("--json", "Print JSON"));
  return runs(command, context, async (_words, options) => {
    const { io } = context;
    const directory = resolve((options["data"] as string | undefined) ?? DEFAULT_DATA);
    // Loaded here, because the questions need no store.
    const { verifyStore } = await import("../verify/verify-store.ts");
    const report = await verifyStore({ directory, onProgress: progress(io) });
    if (io.isWatched) io.err("\r\u001b[K");
    show(jsonOf(report), options, io, () => inWords(report));
    return report.damageCount === 0 ? EXIT.done : EXIT.no;
  });
}

function progress(io: CliIo): (done: number, all: number) => void {
  if (!io.isWatched) return () => {};
  return (done, all) => io.err(`\r${done.toLocaleString("en")} of ${counted(all, "record")} `);
}

/** Times as everywhere in answers: `{hlc, time}`. */
function jsonOf({ damage, ...report }: VerifyReport): object {
  const timed = (t: Hlc) => ({ hlc: formatHlc(t), time: formatIsoMicros(t) });
  return {
    ...report,
    clean: report.damageCount === 0,
    damage: damage.map(({ from, to, ...one }) => ({
      ...one,
      ...(from === undefined ? {} : { from: timed(from) }),
      ...(to === undefined ? {} : { to: timed(to) }),
    })),
  };
}

function inWords(report: VerifyReport): string {
  const { directory, recordCount, epochCount, eventCount, damage, damageCount } = report;
  const read = `${counted(recordCount, "record")} of ${counted(epochCount, "epoch")}, ${counted(eventCount, "event")}`;
  if (damageCount === 0) return `${plain(directory)}: no damage (${read})\n`;
  const more = damageCount - Math.min(damage.length, SHOWN);
  return [
    `${plain(directory)}: ${counted(damageCount, "damage")} (${read})`,
    ...damage.slice(0, SHOWN).map((one) => `  ${lineOf(one)}`),
    ...(more > 0 ? [`  and ${more.toLocaleString("en")} more: --json lists them`] : []),
    // Of a file that cannot be opened nothing is served.
    damage.some(({ kind }) => kind === "file")
      ? "No collector starts on it: restore a backup."
      : "A collector serves what is readable and calls the rest lost; a backup has it all.",
    "",
  ].join("\n");
}

function lineOf({ kind, fault, detail, node, epoch, firstSeq, lastSeq, from, to }: Damage): string {
  const where = [
    node === undefined ? "" : `${node}/${epoch}`,
    firstSeq === undefined ? "" : `seq ${firstSeq} to ${lastSeq}`,
    from === undefined || to === undefined
      ? ""
      : `${formatIsoMicros(from)} to ${formatIsoMicros(to)}`,
  ];
  const place = where.filter((part) => part !== "").join(", ");
  return plain(`${kind} ${fault}${place === "" ? "" : ` at ${place}`}: ${detail}`);
}
