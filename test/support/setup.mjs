/**
 * Makes a checkout ready to run: installs what package-lock.json lists, compiles, builds the UI.
 *
 * `npm test`, `npm run demo` and `npm run bench` call it first, so a fresh clone needs nothing
 * else; when all is up to date it says nothing and takes a fraction of a second. It runs before
 * anything is installed, hence plain JavaScript and Node's own modules only.
 *
 *     node test/support/setup.mjs [--install-only | --bench | --rebuild]
 *
 *     --install-only   dependencies, no build (enough for `npm run check`)
 *     --bench          compile test/bench too
 *     --rebuild        empty dist first
 *
 * Exit codes: 0 ready; 3 something could not be made, with a hint on what to do.
 *
 * Each build step keeps a key: a hash of path, size and mtime of its inputs, taken before it runs
 * and compared for equality. Files that vanished from the sources are removed from dist one by one,
 * so that a process already running from dist keeps what it may still load.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const LOWEST_NODE = [20, 19];
/** How long to wait for another set-up in this checkout; a slow first install stays below it. */
const LOCK_WAIT_MS = 10 * 60_000;
const LOCK_POLL_MS = 200;
/** Of a failed command only the beginning is shown: npm prints 90 lines of help after it. */
const SHOWN_LINES = 25;

const LOCKFILE_HINT = "Run `npm install`, and commit both files.";

const FLAGS = ["--install-only", "--bench", "--rebuild"];
const flags = new Set(process.argv.slice(2));
const at = (...parts) => join(ROOT, ...parts);
const say = (line) => process.stderr.write(`set-up: ${line}\n`);

class SetupError extends Error {
  constructor(message, hint) {
    super(message);
    this.hint = hint;
  }
}

/** In the order in which they run: compiling needs the dependencies, the benches need dist. */
const steps = [
  {
    doing: "installing dependencies",
    isDone: isInstalled,
    async run() {
      checkManifest();
      checkOwnFolder();
      await runNode(npmCommand(), ["ci", "--include=dev", "--no-audit", "--no-fund"], {
        hint: installHint,
      });
      rememberInstall();
    },
  },
  buildStep({
    doing: "compiling agent and collector",
    inputs: ["agent", "collector", "tsconfig.json", "package-lock.json"],
    keyFile: "dist/.code-key",
    async run() {
      await runNode(at("node_modules/typescript/bin/tsc"), ["-p", ROOT], { hint: compileHint });
      removeOrphans("agent");
      removeOrphans("collector");
    },
  }),
  buildStep({
    doing: "building the UI",
    inputs: ["ui", "agent/kernel", "collector/api", "tsconfig.json", "package-lock.json"],
    keyFile: "dist/.ui-key",
    run: () =>
      runNode(at("node_modules/vite/bin/vite.js"), ["build", at("ui"), "--logLevel", "warn"], {
        hint: compileHint,
      }),
  }),
  buildStep({
    doing: "compiling the benches",
    inputs: ["agent", "collector", "test", "tsconfig.json", "package-lock.json"],
    keyFile: "dist/.bench-key",
    isNeeded: () => flags.has("--bench"),
    async run() {
      rmSync(at("dist/.bench"), { recursive: true, force: true });
      await runNode(at("node_modules/typescript/bin/tsc"), ["-p", at("test/bench")], {
        hint: compileHint,
      });
    },
  }),
];

async function main() {
  checkArguments();
  checkNode();
  if (flags.has("--rebuild")) rmSync(at("dist"), { recursive: true, force: true });
  const wanted = flags.has("--install-only") ? steps.slice(0, 1) : steps;
  if (wanted.every((step) => step.isDone())) return;
  const unlock = await lock();
  try {
    // Another set-up may have done some of it while this one waited.
    for (const step of wanted) if (!step.isDone()) await timed(step);
  } finally {
    unlock();
  }
}

function checkArguments() {
  const unknown = [...flags].find((flag) => !FLAGS.includes(flag));
  if (unknown !== undefined) {
    throw new SetupError(`unknown flag ${unknown}`, `It takes ${FLAGS.join(", ")}.`);
  }
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [lowestMajor, lowestMinor] = LOWEST_NODE;
  if (major < lowestMajor || (major === lowestMajor && minor < lowestMinor)) {
    throw new SetupError(
      `Node ${process.versions.node} is too old`,
      `Retroscope needs Node ${LOWEST_NODE.join(".")} or newer.`,
    );
  }
}

async function timed(step) {
  const start = performance.now();
  await step.run();
  say(`${step.doing} took ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

// ---- Dependencies ----

/**
 * Installed means: the tree npm describes in node_modules holds what package-lock.json lists, and
 * it was made on a machine like this one. So a hand-made `npm install` or `npm ci` is not repeated.
 */
function isInstalled() {
  const installed = readJson(at("node_modules/.package-lock.json"));
  const listed = readJson(at("package-lock.json"));
  if (installed === undefined || listed === undefined) return false;
  const madeFor = readText(at("node_modules/.retroscope-machine"));
  if (madeFor !== undefined && madeFor !== machine()) return false;
  if (!manifestMatches(listed.packages[""])) return false;
  for (const [path, entry] of Object.entries(listed.packages)) {
    if (path === "") continue;
    const present = installed.packages[path];
    if (present === undefined ? !entry.optional : present.version !== entry.version) return false;
  }
  return Object.keys(installed.packages).every((path) => path in listed.packages);
}

/** `npm ci` empties the folder first: behind a link it is somebody else's. */
function checkOwnFolder() {
  if (lstatSync(at("node_modules"), { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
  throw new SetupError(
    "node_modules is a link, and what it leads to is not what package-lock.json lists",
    "Remove the link and try again, or install where it leads to.",
  );
}

/** npm would answer a disagreement with ninety lines of help, or not at all if all is installed. */
function checkManifest() {
  if (!manifestMatches(readJson(at("package-lock.json"))?.packages[""])) {
    throw new SetupError("package.json and package-lock.json disagree", LOCKFILE_HINT);
  }
}

function manifestMatches(root) {
  const manifest = readJson(at("package.json"));
  return ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"].every(
    (field) => sortedJson(manifest?.[field]) === sortedJson(root?.[field]),
  );
}

function rememberInstall() {
  writeFileSync(at("node_modules/.retroscope-machine"), machine());
}

function machine() {
  return `${process.platform} ${process.arch} abi ${process.versions.modules}`;
}

/** npm tells its scripts where it lies; run by hand, npm lies beside or near Node. */
function npmCommand() {
  const candidates = [
    process.env.npm_execpath,
    join(dirname(process.execPath), "../lib/node_modules/npm/bin/npm-cli.js"),
    join(dirname(process.execPath), "node_modules/npm/bin/npm-cli.js"),
    "/usr/share/nodejs/npm/bin/npm-cli.js",
  ];
  const found = candidates.find((path) => path?.endsWith("npm-cli.js") && existsSync(path));
  if (found === undefined) {
    throw new SetupError("npm was not found", "Run `npm run setup` instead of the script itself.");
  }
  return found;
}

function installHint(output) {
  return output.includes("EUSAGE")
    ? LOCKFILE_HINT
    : "Is the npm registry reachable? `npm ci --include=dev` shows everything.";
}

// ---- Building ----

/** A step that is done when the key of its inputs equals the one kept by its last run. */
function buildStep({ doing, inputs, keyFile, isNeeded = () => true, run }) {
  const key = () => keyOf(inputs);
  return {
    doing,
    isDone: () => !isNeeded() || readText(at(keyFile)) === key(),
    async run() {
      const before = key(); // a source saved while this runs must count as changed next time
      await run();
      mkdirSync(dirname(at(keyFile)), { recursive: true });
      writeFileSync(at(keyFile), before);
    },
  };
}

function keyOf(inputs) {
  const hash = createHash("sha256");
  for (const path of inputs.flatMap((input) => filesUnder(at(input))).sort()) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${relative(ROOT, path)}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest("hex");
}

function filesUnder(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesUnder(join(path, entry.name)) : [join(path, entry.name)],
  );
}

/** Removes what was compiled from sources that are gone. */
function removeOrphans(folder) {
  for (const path of filesUnder(at("dist", folder))) {
    const stem = relative(at("dist"), path).replace(/\.(d\.ts|js|js\.map)$/, "");
    if (!existsSync(at(`${stem}.ts`))) rmSync(path);
  }
}

function compileHint() {
  return "The sources do not compile; `npm run check` shows every message.";
}

// ---- One set-up at a time ----

/**
 * Two set-ups at once would empty node_modules under each other. The lock file holds the owner's
 * process id and appears with its content in one step (link), so it is never read half-written.
 */
async function lock() {
  const path = at(".setup-lock");
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  const deadline = performance.now() + LOCK_WAIT_MS;
  let told = false;
  try {
    while (!tryLink(mine, path)) {
      const owner = Number(readText(path) ?? Number.NaN);
      if (Number.isInteger(owner) && !isAlive(owner)) {
        removeStale(path, owner);
        continue;
      }
      if (performance.now() > deadline) {
        throw new SetupError(
          `process ${owner} has been setting up this checkout for too long`,
          `If it is no set-up of ours, delete ${relative(process.cwd(), path)} and try again.`,
        );
      }
      if (!told) say(`waiting for the set-up of process ${owner}`);
      told = true;
      await new Promise((wake) => setTimeout(wake, LOCK_POLL_MS));
    }
  } finally {
    unlinkSync(mine);
  }
  return () => rmSync(path, { force: true });
}

function tryLink(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

/** Moves a dead owner's lock away; if another starter was quicker, its fresh lock is put back. */
function removeStale(path, owner) {
  const moved = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, moved);
  } catch (error) {
    if (error.code === "ENOENT") return;
    throw error;
  }
  if (readText(moved) !== String(owner)) tryLink(moved, path);
  unlinkSync(moved);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

// ---- Small things ----

/** Runs a script with this Node, quietly; its output is shown only if it fails. */
function runNode(script, args, { hint }) {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    child.on("error", failed);
    child.on("close", (code, signal) => {
      if (code === 0) return done();
      const lines = output.split("\n").filter((line) => line.trim() !== "");
      const more = lines.length > SHOWN_LINES ? `\n  ... ${lines.length - SHOWN_LINES} more` : "";
      const shown = `${lines.slice(0, SHOWN_LINES).join("\n")}${more}`;
      const name = script.split(sep).at(-1);
      failed(new SetupError(`${name} ended with ${signal ?? code}\n${shown}`, hint(output)));
    });
  });
}

function readText(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

function readJson(path) {
  const text = readText(path);
  return text === undefined ? undefined : JSON.parse(text);
}

function sortedJson(table) {
  return JSON.stringify(Object.entries(table ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.stderr.write(`  ${error.hint}\n`);
  process.exitCode = 3;
}
