/**
 * The READMEs for users are run: every fenced `ts` block is compiled against the package's doors and executed,
 * lines ending in `// => value` are compared, and every command of a `sh run` block is called
 * against the service of the block before it. Of agent/README.md the `ts` blocks; those marked `kafka`
 * meet a real broker.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sharedKafka, skipNote } from "./support/kafka/shared-broker.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
// Inside the package, so that `import "retroscope"` finds it as a user's would.
const workshop = join(root, "dist", ".readme");
const main = join(root, "dist", "collector", "main.js");
const readme = readFileSync(join(root, "README.md"), "utf8");

interface Fence {
  readonly language: string;
  readonly note: string;
  readonly code: string;
}

function fencesOf(markdown: string): readonly Fence[] {
  return [...markdown.matchAll(/^```(\w+)([^\n]*)\n(.*?)^```$/gms)].map((match) => ({
    language: match[1] as string,
    note: (match[2] as string).trim(),
    code: match[3] as string,
  }));
}

/** `expression; // => value` becomes a comparison that throws. */
function withChecks(code: string): string {
  const checked = code.replace(
    /^(.+?);? *\/\/ => (.+)$/gm,
    (_, expression: string, value: string) => `deepStrictEqual(${expression}, ${value});`,
  );
  return `import { deepStrictEqual } from "node:assert";\n${checked}`;
}

function compile(name: string, code: string): string {
  mkdirSync(workshop, { recursive: true });
  const source = join(workshop, `${name}.ts`);
  writeFileSync(source, code);
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const flags =
    "--ignoreConfig --strict --noUncheckedIndexedAccess --skipLibCheck --module nodenext";
  execFileSync(
    process.execPath,
    [tsc, ...flags.split(" "), "--target", "es2023", "--types", "node", source],
    { cwd: workshop, stdio: "pipe" },
  );
  return join(workshop, `${name}.js`);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function waitUntilAnswered(url: string, init?: RequestInit): Promise<Response> {
  const deadline = performance.now() + 15_000;
  for (;;) {
    try {
      return await fetch(url, init);
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Compiles and runs a snippet; fails as it does. */
function runSnippet(name: string, code: string, more: Record<string, string> = {}): void {
  const env = { ...process.env, RETROSCOPE_QUIET: "1", ...more };
  execFileSync(process.execPath, [compile(name, withChecks(code))], {
    ...{ cwd: workshop, stdio: "pipe", env },
  });
}

const snippets = fencesOf(readme).filter(({ language }) => language === "ts");
const service = snippets.find(({ note }) => note.startsWith("file="));
const commands = fencesOf(readme)
  .filter(({ language, note }) => language === "sh" && note === "run")
  .flatMap(({ code }) => code.trim().split("\n"))
  .map((line) => line.replace(/ +#.*$/, ""));

describe("the README", () => {
  it("has a service to embed, a local snippet and commands to run", () => {
    expect(service).toBeDefined();
    expect(snippets.length).toBeGreaterThanOrEqual(2);
    expect(commands.length).toBeGreaterThanOrEqual(5);
  });

  it.each(snippets.filter((snippet) => snippet !== service).map(({ code }, i) => [i, code]))(
    "has a snippet %i that compiles, runs and prints what it says",
    (i, code) => runSnippet(`snippet-${i}`, code as string),
    60_000,
  );

  describe("with its service running", () => {
    const children: ChildProcess[] = [];
    const data = mkdtempSync(join(tmpdir(), "retroscope-readme-"));
    let url = "";
    let servicePort = 0;

    beforeAll(async () => {
      const port = await freePort();
      servicePort = await freePort();
      url = `http://127.0.0.1:${port}`;
      const start = (args: readonly string[]): void => {
        children.push(spawn(process.execPath, args, { stdio: "ignore" }));
      };
      start([main, "collector", "--port", String(port), "--data", data]);
      await waitUntilAnswered(`${url}/healthz`);
      const code = (service as Fence).code
        .replace("http://127.0.0.1:7700", url)
        .replace("listen(3000", `listen(${servicePort}`);
      start([compile("server", code)]);
      const bought = await waitUntilAnswered(`http://127.0.0.1:${servicePort}/buy`, {
        method: "POST",
      });
      expect(await bought.json()).toEqual({ apples: 11 });
      // The commands ask for the state of five seconds ago: until then it is before all history.
      const deadline = performance.now() + 15_000;
      // (A collector that knows of no node at all answers too.)
      const isAnswered = async (): Promise<boolean> => {
        const reply = await fetch(`${url}/api/cut?at=-5s`);
        return reply.ok && (await reply.text()).includes("cart-1");
      };
      while (!(await isAnswered()) && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }, 60_000);

    afterAll(() => {
      for (const child of children) child.kill("SIGKILL");
      rmSync(data, { recursive: true, force: true });
    });

    it.each(commands)("runs: %s", (command) => {
      const words = command.split(" ");
      expect(words.slice(0, 2)).toEqual(["npx", "retroscope"]);
      const output = execFileSync(process.execPath, [main, ...words.slice(2)], {
        encoding: "utf8",
        env: { ...process.env, RETROSCOPE_URL: url },
      });
      expect(output.trim()).not.toBe("");
    });

    it("shows the state that the service has, by the first command", () => {
      const output = execFileSync(
        process.execPath,
        [main, "snapshot", "--at", "now", "--wait", "5s", "--json"],
        { encoding: "utf8", env: { ...process.env, RETROSCOPE_URL: url } },
      );
      const cut = JSON.parse(output);
      expect(cut.complete).toBe(true);
      expect(cut.nodes["cart-1"].logs).toEqual({ stock: { apples: 11 } });
    });
  });
});

const agentReadme = readFileSync(join(root, "agent", "README.md"), "utf8");
const broker = await sharedKafka();

describe("the agent's README", () => {
  const ofAgent = fencesOf(agentReadme)
    .filter(({ language, note }) => language === "ts" && note !== "kafka")
    .map(({ code }, i) => [i, code] as const);

  it("has a snippet for each part of the SDK", () => {
    expect(ofAgent.length).toBeGreaterThanOrEqual(5);
  });

  it.each(ofAgent)(
    "has a snippet %i that compiles, runs and prints what it says",
    (i, code) => runSnippet(`agent-${i}`, code),
    60_000,
  );

  const kafka = fencesOf(agentReadme).filter(({ note }) => note === "kafka");
  it.skipIf(broker.missing !== undefined)(
    `has a snippet for Kafka that does so on a real broker${skipNote(broker)}`,
    () => {
      expect(kafka).toHaveLength(1);
      const env = { KAFKA: broker.address ?? "", KAFKAJS_NO_PARTITIONER_WARNING: "1" };
      for (const { code } of kafka) runSnippet("agent-kafka", code, env);
    },
    60_000,
  );
});
