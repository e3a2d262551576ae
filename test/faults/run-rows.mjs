/**
 * Plays the rows of a table of faults and reports them: what `npm run faults -- NAME` does for tables.
 *
 * A row is `{ id, title, run({ scene, random, runs, minutes, figure }), alone?, skipped?() }`: it throws or
 * notes failures in its scene's verdict. Rows that mostly wait run side by side, those marked `alone` by
 * themselves. Each draws from the seed by itself, so one that failed is played again alone.
 *
 * Some promises a slow machine alone can break (SLOWNESS below). A row that broke nothing else beside other
 * rows is played once more with the machine to itself, and what it shows then counts; both are printed. What
 * is lost, doubled, hidden or wrong counts at once.
 *
 * Exit codes: 0 all promises kept; 1 one was broken; 2 usage; 4 kept, but rows were skipped and
 * RETROSCOPE_NO_SKIP is set.
 */
import { parseArgs } from "node:util";
import { seededRandom } from "./agent/seeded.mjs";
import { within } from "./agent/waiting.mjs";

const USAGE = "[--only ROW,...] [--runs N] [--seed S] [--minutes M] [--json] [--list]";
const MAX_SHOWN = 6;
const ROW_LIMIT_MS = 180_000;

/** What may be the machine's doing and not the product's: time was short, or the fault came too late. */
const SLOWNESS = new Set([
  "a call took too long",
  "a herd",
  "a longer life for the host",
  "a step was not followed",
  "an honest agent waited",
  "answers stood still",
  "deadline of 10 s not kept",
  "did not resume",
  "drained slower than it arrived",
  "given up as it closed, and stored",
  "never complete again",
  "not drained",
  "the fault did not occur",
  "the host was held up",
  "the last changes are missing",
  "timers burst",
]);

function isSlowness({ what, detail }) {
  return SLOWNESS.has(what) || (what === "the row broke off" && detail.includes("not within"));
}

function settings(rows) {
  const text = { type: "string" };
  const flag = { type: "boolean" };
  const { values } = parseArgs({
    options: { only: text, runs: text, seed: text, minutes: text, json: flag, list: flag },
  });
  const runs = values.runs === undefined ? undefined : Number(values.runs);
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error("--seed is a whole number");
  if (runs !== undefined && !(Number.isSafeInteger(runs) && runs > 0))
    throw new Error("--runs is a whole number from 1");
  if (minutes !== undefined && !(minutes > 0)) throw new Error("--minutes is a number over 0");
  const only = values.only?.split(",").map((id) => id.trim().toUpperCase());
  const unknown = only?.find((id) => !rows.some((row) => row.id === id));
  if (unknown !== undefined) throw new Error(`there is no row ${unknown}`);
  const chosen = rows.filter(({ id }) => only === undefined || only.includes(id));
  return {
    rows: chosen,
    runs,
    minutes,
    seed,
    json: values.json === true,
    list: values.list === true,
  };
}

/** Runs one row; what it throws is a failure of it. */
async function play(row, newScene, { seed, runs, minutes }) {
  const start = performance.now();
  const figures = [];
  const report = {
    row: row.id,
    title: row.title,
    seed,
    figures,
    failures: [],
    books: [],
    counts: {},
  };
  const skipped = row.skipped?.();
  if (skipped !== undefined) return { ...report, skipped };
  const random = seededRandom(
    seed * 1_000 + [...row.id].reduce((sum, one) => sum * 31 + one.charCodeAt(0), 7),
  );
  const scene = newScene(random);
  const figure = (metric, value, unit, more = {}) => figures.push({ metric, value, unit, ...more });
  const limitMs = ROW_LIMIT_MS + (minutes ?? 0) * 2 * 60_000 + (runs ?? 0) * 5_000;
  try {
    const given = { scene, random, runs, minutes, figure };
    await within(`row ${row.id}`, Promise.resolve(row.run(given)), limitMs);
  } catch (error) {
    scene.verdict.fail("the row broke off", error?.stack ?? error);
    for (const { what, detail } of scene.escapes()) scene.verdict.fail(what, detail);
  }
  await scene.close().catch((error) => scene.verdict.fail("not cleaned up", error?.stack ?? error));
  const { failures, books, counts, note } = scene.verdict;
  const seconds = Math.round((performance.now() - start) / 100) / 10;
  return { ...report, failures, books, counts, seconds, ...(note === undefined ? {} : { note }) };
}

function print(name, report, json) {
  const { row, title, seed, skipped, figures, failures, books, counts, seconds } = report;
  const isKept = failures.length === 0;
  if (json) {
    for (const line of jsonLines(name, report)) process.stdout.write(`${JSON.stringify(line)}\n`);
    return;
  }
  const verdict = skipped !== undefined ? "skipped" : isKept ? "kept" : "BROKEN";
  const after = skipped ?? `${seconds} s`;
  const say = (line) => process.stdout.write(`${line}\n`);
  say(`${verdict.padEnd(8)}${row.padStart(4)}  ${title} (${after})`);
  if (figures.length > 0) say(`              ${figures.map(figureText).join(" · ")}`);
  if (counts.created > 0) {
    const { created, stored, lost, cuts, complete, states } = counts;
    say(
      `              created ${created}, stored ${stored}, declared lost ${lost}; cuts ${cuts}, complete ${complete}, states compared ${states}`,
    );
  }
  for (const line of books.slice(0, isKept ? 4 : 12)) say(`              ${line}`);
  for (const { what, detail } of failures.slice(0, MAX_SHOWN))
    say(`        !!    ${what}: ${detail}`);
  if (failures.length > MAX_SHOWN) say(`        !!    and ${failures.length - MAX_SHOWN} more`);
  if (!isKept) say(`        again: npm run faults -- ${name} --only ${row} --seed ${seed}`);
}

function figureText({ metric, value, unit, goal, met }) {
  const shown =
    typeof value !== "number"
      ? value
      : value >= 1_000
        ? Math.round(value)
        : Number(value.toPrecision(3));
  const judged = goal === undefined ? "" : ` (goal ${goal}${met ? "" : ", MISSED"})`;
  return `${metric} ${shown}${unit === "" ? "" : ` ${unit}`}${judged}`;
}

/** As targets.md has it: an object per figure, and one for the verdict. */
function* jsonLines(
  name,
  { row, title, seed, skipped, figures, failures, books, counts, seconds },
) {
  const bench = `faults ${name} ${row}`;
  const workload = `${title}; seed ${seed}`;
  for (const {
    metric,
    value,
    unit,
    against = null,
    ratio = null,
    goal = null,
    met = null,
  } of figures)
    yield { bench, metric, value, unit, against, ratio, goal, met, workload };
  const value = skipped === undefined ? failures.length : null;
  const verdict = {
    metric: "broken promises",
    value,
    unit: "",
    against: null,
    ratio: null,
    goal: "0",
  };
  const met = value === null ? null : value === 0;
  yield {
    bench,
    ...verdict,
    met,
    workload,
    seconds,
    counts,
    books,
    failures,
    ...(skipped ? { skipped } : {}),
  };
}

/**
 * @param options.name of the table, for usage and replay
 * @param options.lanes rows that run side by side
 * @returns the exit code
 */
export async function runRows({ name, rows, newScene, lanes }) {
  let given;
  try {
    given = settings(rows);
  } catch (error) {
    process.stderr.write(`${error.message}\nUsage: ${name} ${USAGE}\n`);
    return 2;
  }
  if (given.list) {
    for (const { id, title } of rows) process.stdout.write(`${id.padStart(4)}  ${title}\n`);
    return 0;
  }
  const reports = [];
  const again = [];
  const next = async (queue) => {
    for (let row = queue.shift(); row !== undefined; row = queue.shift()) {
      const report = await play(row, newScene, given);
      const { failures } = report;
      const isOnlySlow = failures.length > 0 && failures.every(isSlowness);
      if (isOnlySlow && !again.includes(row)) {
        again.push(row);
        for (const { what, detail } of failures)
          process.stderr.write(
            `row ${row.id} is played again by itself: ${what}: ${detail.split("\n")[0]}\n`,
          );
      } else {
        reports.push(report);
        print(name, report, given.json);
      }
    }
  };
  const isAlone = ({ alone }) =>
    alone === true || (alone === "long" && given.minutes !== undefined);
  const shared = given.rows.filter((row) => !isAlone(row));
  await Promise.all(Array.from({ length: lanes }, () => next(shared)));
  await next(given.rows.filter(isAlone));
  await next([...again]);
  const broken = reports.filter(({ failures }) => failures.length > 0);
  const skipped = reports.filter((report) => report.skipped !== undefined);
  if (!given.json) {
    const kept = reports.length - broken.length - skipped.length;
    process.stdout.write(
      `\nseed ${given.seed}: ${kept} rows kept, ${broken.length} broken, ${skipped.length} skipped\n`,
    );
    for (const { row, failures } of broken)
      process.stdout.write(`broken: row ${row}, ${failures.map(({ what }) => what).join("; ")}\n`);
  }
  if (broken.length > 0) return 1;
  return skipped.length > 0 && process.env.RETROSCOPE_NO_SKIP ? 4 : 0;
}
