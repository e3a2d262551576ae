/**
 * `doctor`: is it working? Without a command it runs a small service of its own that tries every hook over
 * loopback; with one (`-- node app.js`) it runs that, with the agent preloaded. Then it asks the collector.
 *
 * Exit codes: 0 all is well, or works with something to note; 1 something does not work; 3 the collector
 * does not answer, or the command could not be run to the point where something can be said.
 */
import { type Command, Option } from "commander";
import { RetroError } from "../../agent/kernel/index.ts";
import { askedDurationMs } from "./asked-times.ts";
import { type CliContext, clientOf, newCommand, runs, single, type Words } from "./command.ts";
import { MAX_WATCH_MS, probeCommand, type Watched, watchCommand } from "./doctor-child.ts";
import { type CollectorReport, examineCollector } from "./doctor-collector.ts";
import { couldNotFinish, processFindings } from "./doctor-findings.ts";
import { mainReports } from "./doctor-reports.ts";
import { otherCollectorFindings } from "./doctor-shipping.ts";
import { EXIT } from "./exit.ts";
import type { CliIo } from "./io.ts";
import { type Examination, examinationJson, examinationText } from "./show-doctor.ts";

const EXIT_CODES = `
Exit codes:
  0  all is well, or works with something to note
  1  something does not work
  2  usage
  3  the collector does not answer, or the command failed

A command that names a collector ships to it, and is seen there as a node, as ever.`;

export function doctorCommand(context: CliContext): Command {
  const { io } = context;
  const command = newCommand(
    "doctor",
    "Says which hooks work, whether the collector answers, and why cuts are incomplete.",
    "retroscope doctor -- node app.js",
  )
    .argument("[command...]", "After --: a command to run, with the agent preloaded")
    .addHelpText("after", EXIT_CODES)
    .addOption(
      single("--for <duration>", "Watch the command so long", "until it listens, at most 5s"),
    )
    .addOption(new Option("--as-is", "Leave the preload out: the command starts the agent itself"))
    .addOption(new Option("--no-collector", "Ask no collector"))
    .addOption(new Option("--json", "Print JSON"))
    .addOption(single("--url <url>", "The collector", "$RETROSCOPE_URL or http://127.0.0.1:7700"));
  return runs(command, context, async (words, options) => {
    const process = await examineProcess(words, options, io);
    const collector =
      options["collector"] === false ? undefined : await askCollector(options, io, process);
    const examination: Examination = { process, collector };
    const isJson = options["json"] === true;
    io.out(isJson ? examinationJson(examination) : examinationText(examination, io.columns));
    return exitCodeFor(examination);
  });
}

async function examineProcess(
  command: readonly string[],
  options: Words,
  io: CliIo,
): Promise<Examination["process"]> {
  const isProbe = command.length === 0;
  const asIs = options["asIs"] === true;
  if (asIs && isProbe) {
    throw new RetroError("bad-usage", "--as-is needs a command", {
      hint: "Type it after --: retroscope doctor --as-is -- node app.js",
    });
  }
  const watched = await watch({
    command: isProbe ? probeCommand() : command,
    // Our own service is no node of anybody's system.
    environment: isProbe ? { ...io.environment, RETROSCOPE_COLLECTOR: "" } : io.environment,
    forMs: durationOf(options),
    preload: !asIs,
    interrupted: io.interrupted(),
  });
  return { isProbe, command, watched, findings: processFindings(watched, isProbe) };
}

function durationOf(options: Words): number | undefined {
  const word = options["for"] as string | undefined;
  if (word === undefined) return undefined;
  const ms = askedDurationMs(word, "for");
  if (ms > 0 && ms <= MAX_WATCH_MS) return ms;
  throw new RetroError("bad-usage", `--for ${word} is out of range`, {
    hint: "Use up to 10m.",
  });
}

async function watch(options: Parameters<typeof watchCommand>[0]): Promise<Watched> {
  try {
    return await watchCommand(options);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new RetroError("bad-usage", `cannot start ${options.command[0] ?? ""} (${why})`, {
      hint: "Type the command as in a shell, after --: retroscope doctor -- node app.js",
      cause: error,
    });
  }
}

/** A collector that is not there is a finding: what was found about the hooks is shown all the same. */
async function askCollector(
  options: Words,
  io: CliIo,
  { watched, isProbe }: Examination["process"],
): Promise<CollectorReport> {
  const client = clientOf(options, io);
  const others = isProbe ? [] : otherCollectorFindings(mainReports(watched.reports), client.url);
  try {
    const report = await examineCollector(client, io.nowMs);
    return { ...report, findings: [...others, ...report.findings] };
  } catch (error) {
    if (!(error instanceof RetroError)) throw error;
    const finding = {
      ...({ level: "bad", subject: "collector", what: error.message } as const),
      advice: `${error.hint ?? ""} Or leave it out: --no-collector.`.trim(),
    };
    return {
      url: client.url,
      version: null,
      offsetMs: null,
      liveNodes: 0,
      findings: [...others, finding],
    };
  }
}

function exitCodeFor({ process, collector }: Examination): number {
  if (collector !== undefined && collector.offsetMs === null) return EXIT.failed;
  if (couldNotFinish(process.watched)) return EXIT.failed;
  const all = [...process.findings, ...(collector?.findings ?? [])];
  return all.some(({ level }) => level === "bad") ? EXIT.no : EXIT.done;
}
