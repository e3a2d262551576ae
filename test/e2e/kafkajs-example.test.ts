/**
 * The Kafka example as a user runs it, in both module systems: real services, a real broker, a real
 * collector. Every message is recorded on both sides, and no cut holds an effect without its cause.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Collector, createCollector } from "retroscope/collector";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sharedKafka, skipNote } from "../support/kafka/shared-broker.ts";

const run = promisify(execFile);
const example = fileURLToPath(
  new URL("../../agent/examples/transports/kafkajs/run.mjs", import.meta.url),
);
const kafka = await sharedKafka();
const ORDERS = 60;

interface EventLine {
  readonly node: string;
  readonly kind: string;
  readonly id?: string;
  readonly seq: number;
  readonly t: { readonly hlc: string };
  readonly channel?: string;
  readonly peer?: string;
  readonly replaces?: number;
  readonly failed?: boolean;
}

describe.skipIf(kafka.missing !== undefined)(`the Kafka example${skipNote(kafka)}`, () => {
  const data = mkdtempSync(join(tmpdir(), "retroscope-kafkajs-"));
  let collector: Collector;
  beforeAll(async () => {
    collector = await createCollector({ data, port: 0, quiet: true });
  });
  afterAll(async () => {
    await collector.close();
    rmSync(data, { recursive: true, force: true });
  });

  async function ask<T>(path: string): Promise<T> {
    const reply = await fetch(`${collector.url}${path}`);
    if (!reply.ok) throw new Error(await reply.text());
    return (await reply.json()) as T;
  }

  async function eventsOf(kind: string, nodes: readonly string[]): Promise<EventLine[]> {
    const query = `kind=${kind}&limit=10000${nodes.map((node) => `&node=${node}`).join("")}`;
    const { events, next } = await ask<{ events: EventLine[]; next?: string }>(
      `/api/events?${query}`,
    );
    expect(next).toBeUndefined();
    return events;
  }

  it.each(["esm", "cjs"])(
    "records every message on both sides: %s",
    async (variant) => {
      await run(
        process.execPath,
        [
          example,
          ...["--kafka", kafka.address ?? "", "--collector", collector.url],
          ...["--variant", variant, "--orders", String(ORDERS)],
        ],
        { timeout: 80_000, env: { ...process.env, KAFKAJS_NO_PARTITIONER_WARNING: "1" } },
      );

      const { nodes: all } = await ask<{ nodes: { node: string }[] }>("/api/nodes");
      const known = all.filter(({ node }) => node.includes(`-${variant}-`));
      const nodes = known.map(({ node }) => node);
      expect(nodes.map((node) => node.split("-")[0]).sort()).toEqual(["shop", "warehouse"]);

      const sends = await eventsOf("send", nodes);
      const receives = await eventsOf("receive", nodes);
      const by = (events: EventLine[], service: string) =>
        events.filter(({ node, channel }) => node.startsWith(service) && channel === "kafka");
      const fallen = new Set(by(sends, "warehouse").map(({ replaces }) => replaces));
      const standing = by(sends, "warehouse").filter(
        (s) => s.failed !== true && !fallen.has(s.seq),
      );

      expect(by(sends, "shop")).toHaveLength(ORDERS);
      expect(
        by(receives, "warehouse")
          .map(({ id }) => id)
          .sort(),
      ).toEqual(
        by(sends, "shop")
          .map(({ id }) => id)
          .sort(),
      );
      // Of the warehouse's sends those of aborted transactions failed; the others were received.
      expect(by(sends, "warehouse").filter(({ failed }) => failed === true)).toHaveLength(ORDERS);
      expect(standing).toHaveLength(ORDERS);
      expect(
        by(receives, "shop")
          .map(({ id }) => id)
          .sort(),
      ).toEqual(standing.map(({ id }) => id).sort());

      const sentAt = new Map(sends.map((send) => [send.id, send.t.hlc]));
      for (const receive of receives)
        expect(receive.t.hlc > (sentAt.get(receive.id) ?? "~")).toBe(true);

      // A cut at every twentieth message holds no receive without its send.
      for (const { t } of receives.filter((_, i) => i % 20 === 0)) {
        const cut = await ask<{ violations: unknown[]; consistent: boolean }>(
          `/api/cut?at=${t.hlc}${nodes.map((node) => `&node=${node}`).join("")}`,
        );
        expect(cut.violations).toEqual([]);
        expect(cut.consistent).toBe(true);
      }
      const last = await ask<{
        unchecked: unknown[];
        inFlight: unknown[];
        nodes: Record<string, unknown>;
      }>(`/api/cut?at=now${nodes.map((node) => `&node=${node}`).join("")}`);
      expect(last.inFlight).toEqual([]);
      expect(last.unchecked).toEqual([]);
    },
    90_000,
  );
});
