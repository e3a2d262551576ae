/**
 * The jars of a Kafka broker, from Maven's repository: fetched once by `mvn` (44 MB, some 5 s) into a
 * folder under node_modules/.cache named by what pom.xml asks for.
 *
 * Not every machine has Java and Maven, or may fetch. Then there is no broker: `KafkaMissing` says
 * why, and tests that need one are skipped under that name. `.ci/run` installs both.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const POM = join(import.meta.dirname, "pom.xml");
const CACHE = resolve(import.meta.dirname, "../../../node_modules/.cache/retroscope");
const FETCH_TIMEOUT_MS = 180_000;
const VERSION_TIMEOUT_MS = 20_000;
/** Kafka 4 asks for it. */
const LOWEST_JAVA = 17;
export const INSTALL_LINE = "apt-get install -y openjdk-17-jre-headless maven";

/** This machine cannot run a broker; the message says why and what to do. */
export class KafkaMissing extends Error {
  override readonly name = "KafkaMissing";
}

/** The folder that holds the jars. @throws KafkaMissing */
export async function kafkaJars(): Promise<string> {
  const java = await javaVersion();
  if (java < LOWEST_JAVA) {
    throw new KafkaMissing(`Kafka needs Java ${LOWEST_JAVA}, here is ${java}: ${INSTALL_LINE}`);
  }
  const key = createHash("sha256").update(readFileSync(POM)).digest("hex").slice(0, 12);
  const folder = join(CACHE, `kafka-${key}`);
  if (!existsSync(folder)) await fetchInto(folder);
  return folder;
}

/** Into a folder of its own first, so that two who start at once never see half of it. */
async function fetchInto(folder: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const fresh = mkdtempSync(join(CACHE, "kafka-fetch-"));
  try {
    const goal = ["dependency:copy-dependencies", "-DincludeScope=runtime"];
    const args = ["-q", "-B", "-f", POM, ...goal, `-DoutputDirectory=${fresh}`];
    await run("mvn", args, { timeout: FETCH_TIMEOUT_MS, killSignal: "SIGKILL" });
    await rename(fresh, folder);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    if (existsSync(folder)) return; // another run was faster
    throw new KafkaMissing(whyNot("Kafka's jars could not be fetched by Maven", error), {
      cause: error,
    });
  }
}

async function javaVersion(): Promise<number> {
  try {
    const { stderr } = await run("java", ["-version"], { timeout: VERSION_TIMEOUT_MS });
    return Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0);
  } catch (error) {
    throw new KafkaMissing(whyNot("Java cannot be run", error), { cause: error });
  }
}

function whyNot(what: string, error: unknown): string {
  const { code, stdout, message } = error as { code?: unknown; stdout?: string; message: string };
  if (code === "ENOENT") return `${what}, it is not installed: ${INSTALL_LINE}`;
  const said = /\[ERROR\] (.{1,300})/.exec(stdout ?? "")?.[1] ?? message.slice(0, 300);
  return `${what}: ${said} (it needs: ${INSTALL_LINE}, and Maven's repository)`;
}
