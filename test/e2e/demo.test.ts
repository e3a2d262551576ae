/** The demo as a user runs it, unattended and small: real processes, real HTTP, the journals as judge. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

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

describe("the demo with planted stalls", () => {
  let run: Run;
  beforeAll(async () => {
    run = await demo("--stalls", "--duration", "10s", "--check", "--cuts", "200");
  }, 120_000);

  it("answers every cut as the journals have it, where wall clocks would not", () => {
    const { output } = run;
    expect(output.trim()).toMatch(/\nPASS$/);
    expect(counted(output, "cuts at random past times")).toBe(200);
    expect(counted(output, "stored")).toBeGreaterThan(500);
    const byWallClock = output.slice(output.indexOf("by wall clock alone"));
    expect(counted(byWallClock, "holding an effect")).toBeGreaterThan(0);
  });

  it("says what the collector made of each stall, and exits by that", () => {
    const { code, output } = run;
    const planted = counted(output, "Stalls planted");
    expect(planted).toBeGreaterThan(0);
    const tally = output.slice(output.indexOf("Stalls planted"));
    const parts = [
      counted(tally, "charged to the process and to what was done"),
      counted(tally, "to the process, to another cause"),
      counted(tally, "to somebody else"),
      counted(tally, "missed"),
      counted(tally, "not judged, as the machine took part"),
    ];
    expect(parts.reduce((sum, part) => sum + part, 0)).toBe(planted);
    const [right = 0, otherCause, somebodyElse, missed] = parts;
    // Where the machine took part nothing is judged; of all others each must be told as it was.
    expect({ otherCause, somebodyElse, missed }, output).toEqual({
      otherCause: 0,
      somebodyElse: 0,
      missed: 0,
    });
    // Whether the machine left room for stalls of 150 ms is not the product's to say; that it is said, is.
    expect(code).toBe(right > 0 ? 0 : 3);
  });
});

describe("the demo", () => {
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
