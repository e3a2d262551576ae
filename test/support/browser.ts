/**
 * A Chromium for browser tests: the system's if there is one, else the one shipped inside
 * @sparticuz/chromium. Nothing is downloaded.
 *
 * The shipped one is packed with brotli. It is unpacked once (some 3 s) into a folder under
 * node_modules/.cache named by its version, together with the NSS libraries it needs, so it runs
 * on a bare system. Its package would unpack into the system's temporary folder instead, where
 * two test files starting at once can meet a half-written browser; so we unpack it ourselves.
 */
import { spawn } from "node:child_process";
import { createReadStream, createWriteStream, existsSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";
import { type Browser, chromium } from "playwright-core";

export type BrowserSource = "system" | "bundled";

/** Found by name, not by place: benches run compiled, from another folder. */
const MODULES = resolve(
  dirname(createRequire(import.meta.url).resolve("playwright-core/package.json")),
  "..",
);
const PACKAGE = join(MODULES, "@sparticuz/chromium");
const SYSTEM_PATHS = [
  "/usr/bin/chromium",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];
const FLAGS = [
  "--no-sandbox", // tests also run as root, where the sandbox refuses to start
  // Drawn by the processor alone: the same picture and the same figures on every machine.
  "--disable-gpu",
  "--disable-accelerated-2d-canvas",
  // The browser itself calls nobody.
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-domain-reliability",
  "--no-pings",
];
const LAUNCH_TIMEOUT_MS = 60_000;

/** Starts a browser; close it with `browser.close()`. `source` is for testing this file. */
export async function launchBrowser(source: BrowserSource = preferredSource()): Promise<Browser> {
  const system = systemChromium();
  if (source === "system" && system !== undefined) {
    return chromium.launch({ executablePath: system, args: FLAGS, timeout: LAUNCH_TIMEOUT_MS });
  }
  const folder = await unpackedChromium();
  return chromium.launch({
    executablePath: join(folder, "chromium"),
    args: FLAGS,
    env: environmentOf(folder),
    timeout: LAUNCH_TIMEOUT_MS,
  });
}

/** The sources this machine can offer, the preferred one first. The bundled one is Linux x64. */
export function availableSources(): BrowserSource[] {
  const sources: BrowserSource[] = [];
  if (systemChromium() !== undefined) sources.push("system");
  if (process.platform === "linux" && process.arch === "x64") sources.push("bundled");
  return sources;
}

function preferredSource(): BrowserSource {
  const [source] = availableSources();
  if (source === undefined) {
    throw new Error(`No browser to test with: install Chromium at one of ${SYSTEM_PATHS}`);
  }
  return source;
}

function systemChromium(): string | undefined {
  return SYSTEM_PATHS.find((path) => existsSync(path));
}

/** The folder with `chromium`, `lib/` and `fonts/`; unpacked if it is not there yet. */
async function unpackedChromium(): Promise<string> {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8"));
  const folder = join(MODULES, ".cache/retroscope", `chromium-${version}`);
  if (existsSync(folder)) return folder;

  const partial = `${folder}.${process.pid}.partial`;
  await mkdir(partial, { recursive: true });
  await Promise.all([
    unpackFile("chromium.br", join(partial, "chromium")),
    unpackTar("al2023.tar.br", partial),
    unpackTar("fonts.tar.br", partial),
  ]);
  // Named for the final folder, since it is read from there.
  await writeFile(join(partial, "fonts.conf"), fontsConf(folder));
  try {
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    if (!existsSync(folder)) throw error; // else another test file was first
  }
  return folder;
}

/** Without fonts installed a page has no text; with them, the system's setting holds. */
function environmentOf(folder: string): Record<string, string> {
  const environment: Record<string, string> = { LD_LIBRARY_PATH: join(folder, "lib") };
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined) environment[name] ??= value;
  }
  if (!existsSync("/etc/fonts/fonts.conf")) {
    environment["FONTCONFIG_FILE"] = join(folder, "fonts.conf");
  }
  return environment;
}

function fontsConf(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${folder}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${folder}/font-cache</cachedir>
</fontconfig>
`;
}

function unpackFile(name: string, to: string): Promise<void> {
  return pipeline(
    createReadStream(join(PACKAGE, "bin", name)),
    createBrotliDecompress(),
    createWriteStream(to, { mode: 0o755 }),
  );
}

async function unpackTar(name: string, into: string): Promise<void> {
  const tar = spawn("tar", ["-x", "-C", into], { stdio: ["pipe", "ignore", "inherit"] });
  const ended = new Promise<void>((done, failed) => {
    tar.on("error", failed);
    tar.on("close", (code) =>
      code === 0 ? done() : failed(new Error(`tar ended with ${code} unpacking ${name}`)),
    );
  });
  const bytes = createReadStream(join(PACKAGE, "bin", name));
  // tar may close its end before the padding after the archive's end: its exit code alone decides,
  // and it is not 0 where bytes are missing.
  await pipeline(bytes, createBrotliDecompress(), tar.stdin).catch(() => undefined);
  await ended;
}
