/**
 * Packs the package, installs the tarball in an empty folder, and enters by every door, as a user
 * of a release would. Expects that dist is built.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "..");
const COMMAND_TIMEOUT_MS = 120_000;
/** What a tarball may hold beside dist. */
const BESIDE_DIST = [
  "package.json",
  "README.md",
  "LICENSE",
  "CHANGELOG.md",
  "ARCHITECTURE.md",
  // What README.md links to.
  "agent/README.md",
  "collector/README.md",
  "collector/api/README.md",
  "collector/cli/README.md",
  "collector/interop/README.md",
  "collector/monitor/README.md",
  "collector/retention/README.md",
  "collector/rql/README.md",
  "test/README.md",
  "ui/README.md",
];
const NOT_IN_DIST = [/\.map$/, /^dist\/agent\/examples\//, /^dist\/\./, /\.(test|bench)\./];

const failures = [];
const folder = mkdtempSync(join(tmpdir(), "retroscope-package-"));
try {
  checkPackage();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const failure of failures) process.stderr.write(`${failure}\n`);
process.exitCode = failures.length === 0 ? 0 : 1;

function checkPackage() {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const [packed] = JSON.parse(npm(ROOT, "pack", "--json", "--pack-destination", folder));
  checkContents(packed.files.map((file) => file.path));

  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  npm(folder, "install", "--no-audit", "--no-fund", `./${packed.filename}`);
  const installed = join(folder, "node_modules", manifest.name);
  // Doors for optional packages load without them, or say what is missing.
  if (existsSync(join(folder, "node_modules", "kafkajs"))) failures.push("kafkajs was installed");

  for (const [door, target] of Object.entries(manifest.exports)) {
    if (typeof target === "string") continue;
    const name = door.replace(".", manifest.name);
    if (!existsSync(join(installed, target.types))) failures.push(`${name}: its types are missing`);
    if (door === "./otel") continue;
    attempt(name, () => node("--input-type=module", "--eval", `await import("${name}")`));
  }
  checkOtel(manifest);
  for (const [command, target] of Object.entries(manifest.bin)) {
    attempt(`${command} --help`, () => node(join(installed, target), "--help"));
  }
}

/**
 * `@opentelemetry/api` is an optional peer: without it every door but one was entered above, and that one
 * says what is missing; with the service's copy it opens, in both module systems.
 */
function checkOtel(manifest) {
  const door = `${manifest.name}/otel`;
  const peer = "@opentelemetry/api";
  if (existsSync(join(folder, "node_modules", peer)))
    failures.push(`${peer} was installed unasked`);
  try {
    node("--input-type=module", "--eval", `await import("${door}")`);
    failures.push(`${door}: opened without ${peer}`);
  } catch (error) {
    if (!String(error.stderr).includes(`Cannot find package '${peer}'`)) {
      failures.push(`${door}: does not say that ${peer} is missing\n${error.stderr}`);
    }
  }
  npm(folder, "install", "--no-audit", "--no-fund", `${peer}@${manifest.peerDependencies[peer]}`);
  attempt(door, () => node("--input-type=module", "--eval", `await import("${door}")`));
  attempt(`${door} by require`, () =>
    node("--input-type=commonjs", "--eval", `require("${door}").withRetroscope`),
  );
}

function checkContents(paths) {
  const strange = paths.filter((path) =>
    path.startsWith("dist/")
      ? NOT_IN_DIST.some((pattern) => pattern.test(path))
      : !BESIDE_DIST.includes(path),
  );
  for (const path of strange) failures.push(`${path} does not belong into the tarball`);
  for (const path of [...BESIDE_DIST, "dist/ui/index.html"]) {
    if (!paths.includes(path)) failures.push(`${path} is missing from the tarball`);
  }
}

function attempt(what, run) {
  try {
    run();
    process.stdout.write(`${what}: ok\n`);
  } catch (error) {
    failures.push(`${what}: failed\n${error.stderr || error.message}`);
  }
}

function node(...args) {
  return execFileSync(process.execPath, args, {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: COMMAND_TIMEOUT_MS,
  });
}

/** npm's own messages are shown only if it fails. */
function npm(cwd, ...args) {
  try {
    return execFileSync("npm", args, {
      cwd,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      timeout: COMMAND_TIMEOUT_MS,
      shell: process.platform === "win32",
    });
  } catch (error) {
    process.stderr.write(error.stderr ?? "");
    throw error;
  }
}
