/** The example with OpenTelemetry registered first, as a user runs it: real SDK, services and collector. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const run = promisify(execFile);
const example = fileURLToPath(
  new URL("../../agent/examples/transports/otel-first/run.mjs", import.meta.url),
);

it.each(["esm", "cjs"])(
  "beside OpenTelemetry every message is recorded on both sides, and its traces stay whole: %s",
  async (system) => {
    const { stdout } = await run(process.execPath, [example, `--${system}`, "--orders", "60"], {
      timeout: 100_000,
    });
    expect(stdout.match(/PASS/g)).toHaveLength(2);
    expect(stdout).toContain(`otel-first ${system}, shadowed: PASS`);
    expect(stdout).toContain(`otel-first ${system}, composed: PASS`);
    expect(stdout.match(/recorded on both sides +204 of 204$/gm)).toHaveLength(2);
  },
  120_000,
);
