/** The demo as a user runs it, unattended and small: real processes, real HTTP, the journals as judge. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { freePort } from "../../agent/examples/processes.ts";

const main = fileURLToPath(new URL("../../dist/collector/main.js", import.meta.url));

interface Run {
  readonly code: number | null;
  readonly output: string;
}

function demo(...args: string[]): Promise<Run> {
  const child = spawn(process.execPath, [main, "demo", ...args], { stdio: "pipe" });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output += chunk;
  });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, output })));
}

/** The number at the end of the line that begins with `label`. */
function counted(output: string, label: string): number {
  const line = output.split("\n").find((text) => text.trim().startsWith(label));
  return Number(line?.trim().split(/\s+/).at(-1));
}

// Two at a time: each lasts as long as it is told to, and mostly waits.
describe.concurrent("the demo", () => {
  it("answers every cut as the journals have it, where wall clocks would not", async () => {
    // Not 7700, which is the other's: two that look for it at the same time both find it free.
    const port = String(await freePort());
    const { code, output } = await demo(
      ...["--duration", "6s", "--check", "--cuts", "200", "--port", port],
    );
    expect(output).toContain("PASS");
    expect(code).toBe(0);
    expect(counted(output, "cuts at random past times")).toBe(200);
    expect(counted(output, "stored")).toBeGreaterThan(500);
    const byWallClock = output.slice(output.indexOf("by wall clock alone"));
    expect(counted(byWallClock, "holding an effect")).toBeGreaterThan(0);
  }, 60_000);

  it("loses and doubles nothing when the collector is killed in the middle", async () => {
    const { code, output } = await demo(
      ...["--duration", "8s", "--check", "--cuts", "200", "--kill-collector-after", "3s"],
    );
    expect(output).toContain("Killed the collector");
    expect(output).toContain("PASS");
    expect(code).toBe(0);
    expect(counted(output, "lost")).toBe(0);
    expect(counted(output, "stored twice")).toBe(0);
  }, 60_000);

  it("names a port that is in use, and exits with 3", async () => {
    const { createServer } = await import("node:net");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const { code, output } = await demo("--port", String(port), "--duration", "1s");
    server.close();
    expect(code).toBe(3);
    expect(output).toContain(`port ${port} is in use`);
  }, 30_000);
});
