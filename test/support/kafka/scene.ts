/** What tests of the Kafka hook share: nodes on the run's broker, closed after each test, and what they must show. */
import { afterEach, expect } from "vitest";
import type { ArrayRecorder } from "../message-recorder.ts";
import { sharedKafka, skipNote } from "./shared-broker.ts";
import { KafkaNode } from "./side.ts";

export interface KafkaScene {
  /** Empty where there is no broker. */
  readonly address: string;
  readonly isMissing: boolean;
  /** For a suite's name: why it is skipped. */
  readonly note: string;
  node(name: string, config?: ConstructorParameters<typeof KafkaNode>[2]): KafkaNode;
}

/** For the top of a file. */
export async function kafkaScene(): Promise<KafkaScene> {
  const kafka = await sharedKafka();
  const address = kafka.address ?? "";
  const nodes: KafkaNode[] = [];
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((each) => each.close()));
  });
  return {
    address,
    isMissing: kafka.missing !== undefined,
    note: skipNote(kafka),
    node(name, config = {}) {
      const made = new KafkaNode(name, address, config);
      nodes.push(made);
      return made;
    },
  };
}

/** Sends that neither failed nor were replaced, by seq. */
export function standingSends(recorder: ArrayRecorder): number[] {
  const fallen = new Set(recorder.sends.map(({ replaces }) => replaces));
  return recorder.sends.filter((send) => !send.failed && !fallen.has(send.seq)).map((s) => s.seq);
}

/** Every receive names a send of `from`, and is later. */
export function expectEdges(from: ArrayRecorder, to: ArrayRecorder, count: number): void {
  expect(to.receives).toHaveLength(count);
  const sends = new Map(from.sends.map((send) => [send.seq, send]));
  expect(new Set(to.receives.map((receive) => receive.from?.seq)).size).toBe(count);
  for (const receive of to.receives) {
    const send = sends.get(receive.from?.seq ?? -1);
    expect(receive.from).toMatchObject({ node: from.node, epoch: from.epoch });
    expect(send?.failed).toBe(false);
    expect(receive.t).toBeGreaterThan(send?.t ?? Number.POSITIVE_INFINITY);
  }
}
