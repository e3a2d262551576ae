/** The collector as a process whose disk fails: what it says, how it ends, and what the next one finds. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { addMs, BATCH_MEDIA_TYPE, encodeBatch, type Hlc } from "../../../agent/kernel/index.ts";
import type { NodesJson } from "../../../collector/api/shapes.ts";
import { aBatch } from "../../support/batches.ts";
import { NOW } from "../support.ts";

const main = fileURLToPath(new URL("../../../dist/collector/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "retroscope-failing-"));
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

interface Running {
  readonly url: string;
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly err: string }>;
}

/** `limit`: files may not grow beyond so many blocks of 512 bytes; a write there fails with EFBIG. */
function start(data: string, limit: string): Promise<Running> {
  const script = `trap "" XFSZ; ulimit -f ${limit}; exec "$0" "$@"`;
  const words = ["-c", script, process.execPath, main, "collector", "--port", "0", "--data", data];
  const child = spawn("sh", words, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  let err = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const ended = new Promise<{ code: number | null; err: string }>((resolve) => {
    child.once("close", (code) => resolve({ code, err }));
  });
  return new Promise((resolve, reject) => {
    void ended.then(() => reject(new Error(`ended before it listened: ${err}`)));
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const found = /open (http:\S+)/.exec(text);
      if (found) resolve({ url: found[1] as string, child, ended });
    });
  });
}

function post(url: string, k: number): Promise<number> {
  const t = addMs(NOW, k - 100_000);
  const text = String.fromCharCode(97 + (k % 26)).repeat(30_000);
  const events = Array.from({ length: 20 }, (_, i) => ({
    t: (t + i) as Hlc,
    kind: "mark" as const,
    text,
  }));
  const batch = aBatch(events, { firstSeq: k * 20 + 1, closed: (t + 20) as Hlc });
  return fetch(`${url}/v1/batches`, {
    method: "POST",
    headers: { "content-type": BATCH_MEDIA_TYPE },
    body: new Uint8Array(encodeBatch(batch)),
  }).then(
    ({ status }) => status,
    () => 0,
  );
}

describe("a collector whose disk fails", () => {
  it("ends with one clear line and exit code 3, and the next finds all that was acknowledged", async () => {
    const data = join(folder, "data");
    const first = await start(data, "20000");
    let acknowledged = 0;
    let status = 200;
    for (let k = 0; status === 200 && k < 2_000; k += 1) {
      status = await post(first.url, k);
      if (status === 200) acknowledged += 1;
    }
    expect([status, acknowledged > 0]).toEqual([503, true]);
    const { code, err } = await first.ended;
    expect(code).toBe(3);
    expect(err).toMatch(/^retroscope: writing to .* failed: .*\n {2}Check the disk, then start/m);
    const second = await start(data, "unlimited");
    const nodes = (await (await fetch(`${second.url}/api/nodes`)).json()) as NodesJson;
    expect(nodes.nodes[0]?.counts).toMatchObject({ stored: acknowledged * 20 });
    expect(await post(second.url, acknowledged)).toBe(200);
    second.child.kill("SIGTERM");
    expect((await second.ended).code).toBe(0);
  }, 60_000);
});
