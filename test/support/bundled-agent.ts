/**
 * The SDK as one plain module beside its sampler's thread, made of the sources: for tests with processes of their
 * own that need the thread, which a bundle otherwise goes without.
 */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundleForNode } from "./bundle-for-node.ts";

export interface BundledAgent {
  /** Where scripts may be put that import it. */
  readonly folder: string;
  /** URL of a module with what `test/support/agent-entry.ts` exports. */
  readonly url: string;
  remove(): void;
}

/** Costs some seconds. */
export async function bundleAgent(): Promise<BundledAgent> {
  const folder = mkdtempSync(join(tmpdir(), "retroscope-agent-"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  const source = (path: string): URL => new URL(path, import.meta.url);
  const agent = await bundleForNode(source("./agent-entry.ts"), folder, "agent");
  const worker = await bundleForNode(
    source("../../agent/tracing/sampler-worker.ts"),
    folder,
    "sampler-worker",
  );
  renameSync(worker, join(folder, "sampler-worker.js"));
  return {
    ...{ folder, url: pathToFileURL(agent).href },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
