/** The ZooKeeper case as a user runs it: a real ensemble, stopped servers, skewed clocks; and what is left of it. */
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { findInstallation } from "../../agent/examples/zookeeper-staleness/installation.ts";
import { isAlive } from "../support/processes.ts";
import { outcomeOf, runExample, startExample, stopExamples } from "../support/run-example.ts";

afterEach(stopExamples, 30_000);

const CASE = "zookeeper-staleness";
const START_WAIT_MS = 20_000;

function missingHere(): string | undefined {
  try {
    findInstallation(process.env);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const missing = missingHere();
const note = missing === undefined ? "" : ` (skipped: ${missing})`;

/** The numbers of the line that begins with `label`. */
function counted(output: string, label: string): number[] {
  const line = output.split("\n").find((text) => text.trim().startsWith(label)) ?? "";
  return [...line.slice(line.indexOf(label) + label.length).matchAll(/[\d.]+/g)].map(Number);
}

describe.skipIf(missing !== undefined)(`the ZooKeeper case${note}`, () => {
  it("finds and times stopped servers, where skewed wall clocks find what never was", async () => {
    const { code, output } = await runExample(
      CASE,
      "--duration",
      "6s",
      "--behind",
      "5",
      "--seed",
      "7",
    );
    expect(code, output).toBe(0);
    expect(output).toContain("PASS");
    const [plain = "", stamped = ""] = output.split('Run "').slice(1);
    expect(plain).toMatch(/without a stamp, reported by +replica-1, replica-2, replica-3$/m);
    for (const run of [plain, stamped]) {
      const shares = counted(run, "0 "); // % of cuts and of time at which nobody newer is known
      expect(shares).toHaveLength(6);
      expect(run).toMatch(/ replica-\d +\d+ ms +\d+ ms +\d+ ms$/m); // stopped, found, by true clock
    }
    const [, wrong = 0, , impossible = 0] = counted(stamped, "by the processes' wall clocks");
    expect(wrong).toBeGreaterThan(0);
    expect(impossible).toBeGreaterThan(0);
    // How many of the cuts' own findings are false turns on how busy the machine is; this does not.
    const [found = 0, , , impossibleByCuts] = counted(stamped, "by the collector's cuts");
    expect(found).toBeGreaterThan(0);
    expect(impossibleByCuts).toBe(0);
  }, 180_000);

  it.each([
    ["it is interrupted", 130, (child: ChildProcess) => child.kill("SIGINT")],
    [
      "a server dies",
      3,
      (_: ChildProcess, [server = 0]: readonly number[]) => process.kill(server, "SIGKILL"),
    ],
  ])(
    "leaves no server running when %s",
    async (_when, exitCode, end) => {
      const child = startExample(CASE, ["--duration", "20s"]);
      const outcome = outcomeOf(child);
      const servers = await childrenOf(child.pid as number, 3);
      end(child, servers);
      const { code, output } = await outcome;
      expect(code).toBe(exitCode);
      if (exitCode === 3) expect(output).toContain("server-1 ended by itself");
      expect(servers.filter(isAlive)).toEqual([]);
    },
    60_000,
  );
});

it("says in one line what to install, with an exit code of its own", async () => {
  const env = { ...process.env, PATH: "", JAVA_HOME: "" };
  const { code, output } = await outcomeOf(startExample(CASE, [], env));
  expect(code).toBe(4);
  expect(output).toMatch(
    /^ZooKeeper cannot be started, Java was not found: apt-get install zookeeper.*\n$/,
  );
});

/** The processes that a process has started, as soon as there are so many. */
async function childrenOf(pid: number, count: number): Promise<number[]> {
  const deadline = performance.now() + START_WAIT_MS;
  for (;;) {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    const found = text
      .split(" ")
      .filter((one) => one !== "")
      .map(Number);
    if (found.length >= count) return found;
    if (performance.now() > deadline) throw new Error(`${found.length} children, not ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
