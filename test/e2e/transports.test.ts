/** The example applications, as a person runs them: real processes, a real collector, both module systems. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const script = fileURLToPath(new URL("../../agent/examples/transports/run.mjs", import.meta.url));

interface Run {
  readonly code: number | null;
  readonly output: string;
}

function run(args: readonly string[], environment: Record<string, string> = {}): Promise<Run> {
  const child = spawn(process.execPath, [script, ...args], {
    stdio: "pipe",
    env: { ...process.env, ...environment },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, output })));
}

/** The numbers of the line that begins with `label`. */
function counted(output: string, label: string): readonly number[] {
  const line = output.split("\n").find((text) => text.trim().startsWith(label)) ?? "";
  return [...line.slice(line.indexOf(label) + label.length).matchAll(/\d+/g)].map(Number);
}

const TRANSPORTS = ["express", "fastify", "grpc", "ws"];

// Two at a time: each has a collector of its own, and waits for three processes to start, one after the other.
describe.concurrent.each(TRANSPORTS)("the %s example", (transport) => {
  it.each(["esm", "cjs"])(
    "has every message on both sides, causality held: %s",
    async (system) => {
      const { code, output } = await run([transport, `--${system}`, "--orders", "200"]);
      expect(output).toContain(`${transport} ${system}: PASS`);
      expect(code).toBe(0);
      const [joined = 0, expected] = counted(output, "messages recorded on both sides");
      expect(joined).toBe(expected);
      expect(joined).toBeGreaterThanOrEqual(680);
      expect(counted(output, "faults")).toEqual([0]);
    },
    60_000,
  );
});

describe.concurrent("an example whose services are not instrumented", () => {
  it.each([
    ["express", "none"],
    ["grpc", "http-client,http-server,fetch"],
    ["ws", "http-client,http-server,fetch"],
  ])(
    "fails, so the check can: %s with hooks %s",
    async (transport, hooks) => {
      const { code, output } = await run([transport, "--esm", "--orders", "20"], {
        RETROSCOPE_HOOKS: hooks,
      });
      expect(output).toContain("FAIL");
      if (hooks === "none") expect(output).toContain("! channels: none instead of fetch,http");
      expect(code).toBe(1);
    },
    60_000,
  );
});

it.each(["kafkajs", "otel-first"])("points to the run that %s has of its own", async (name) => {
  const { code, output } = await run([name]);
  const own = /node (agent\/examples\/\S+)/.exec(output)?.[1] ?? "";
  expect(own).toContain(`/${name}/`);
  expect(existsSync(fileURLToPath(new URL(`../../${own}`, import.meta.url)))).toBe(true);
  expect(code).toBe(2);
});

it("names the transports that there are, and exits with 2", async () => {
  const { code, output } = await run(["pigeon"]);
  expect(output).toContain(TRANSPORTS.join(", "));
  expect(code).toBe(2);
});
