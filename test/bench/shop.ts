/** The three tiers of the bench `agent-service` as processes, and a load on them. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { Agent, get } from "node:http";
import { fileURLToPath } from "node:url";

export type Variant = "bare" | "retroscope" | "opentelemetry";

/** What one stretch of load showed. */
export interface Load {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the three tiers together, per request. */
  readonly cpuUs: number;
}

const ROLES = ["store", "stock", "door"] as const;
/** How long a tier may take to answer at its start, and to a question. */
const ANSWER_MS = 20_000;

export class Shop {
  readonly #tiers: ChildProcess[] = [];
  readonly #connections: Agent;
  readonly #concurrency: number;
  #url = "";
  #cart = 0;

  private constructor(concurrency: number) {
    this.#concurrency = concurrency;
    this.#connections = new Agent({ keepAlive: true, maxSockets: concurrency });
  }

  /** Starts the three tiers, each knowing the one behind it. */
  static async open(variant: Variant, sink: string, concurrency: number): Promise<Shop> {
    const shop = new Shop(concurrency);
    const file = fileURLToPath(new URL("./service-tier.js", import.meta.url));
    for (const role of ROLES) {
      const args = [role, variant, sink, ...(shop.#url === "" ? [] : [shop.#url])];
      const tier = fork(file, args, { env: bareEnvironment() });
      shop.#tiers.push(tier);
      shop.#url = `http://127.0.0.1:${(await answerOf<{ port: number }>(tier)).port}`;
    }
    return shop;
  }

  /**
   * Asks for carts in a closed loop.
   * @param atLeast goes on until so many were answered, however long that takes
   */
  async load(ms: number, atLeast = 0): Promise<Load> {
    const latencies: number[] = [];
    const cpuBefore = await this.#cpuUs();
    const start = performance.now();
    const askUntilEnd = async (): Promise<void> => {
      while (performance.now() - start < ms || latencies.length < atLeast) {
        this.#cart = (this.#cart + 1) % 5_000;
        const asked = performance.now();
        await this.#ask(`${this.#url}/carts/${this.#cart}`);
        latencies.push(performance.now() - asked);
      }
    };
    await Promise.all(Array.from({ length: this.#concurrency }, askUntilEnd));
    const tookMs = performance.now() - start;
    const cpuUs = (await this.#cpuUs()) - cpuBefore;
    latencies.sort((a, b) => a - b);
    const at = (part: number): number =>
      latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? Number.NaN;
    return {
      requestsPerSecond: (latencies.length / tookMs) * 1_000,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      cpuUs: cpuUs / latencies.length,
    };
  }

  close(): void {
    this.#connections.destroy();
    for (const tier of this.#tiers) tier.kill();
  }

  #ask(url: string): Promise<void> {
    return new Promise((resolve, reject) => {
      get(url, { agent: this.#connections }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`${url}: ${response.statusCode}`));
        response.on("end", resolve).resume();
      }).on("error", reject);
    });
  }

  async #cpuUs(): Promise<number> {
    const answers = this.#tiers.map((tier) => {
      const answer = answerOf<{ cpuUs: number }>(tier);
      tier.send("cpu");
      return answer;
    });
    return (await Promise.all(answers)).reduce((sum, { cpuUs }) => sum + cpuUs, 0);
  }
}

/** Without what would instrument the tiers by itself. */
function bareEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(OTEL|RETROSCOPE)_/.test(name));
  return { ...Object.fromEntries(kept), NODE_ENV: "production" };
}

async function answerOf<Answer>(tier: ChildProcess): Promise<Answer> {
  const signal = AbortSignal.timeout(ANSWER_MS);
  const [answer] = (await once(tier, "message", { signal })) as [Answer];
  return answer;
}
