/** The support itself: a broker that answers, leaves nothing behind, and is missed with a reason. */
import { describe, expect, it } from "vitest";
import { startBroker } from "./broker.ts";
import { INSTALL_LINE, KafkaMissing, kafkaJars } from "./jars.ts";
import { sharedKafka, skipNote } from "./shared-broker.ts";

const kafka = await sharedKafka();

describe.skipIf(kafka.missing !== undefined)(`a broker for tests${skipNote(kafka)}`, () => {
  it("is one for all who ask", async () => {
    expect(await sharedKafka()).toEqual(kafka);
  });

  // Where a broker is given from outside there may be no jars.
  it.runIf(process.env["RETROSCOPE_TEST_KAFKA"] === undefined)(
    "ends with its process, and may be stopped twice",
    async () => {
      const broker = await startBroker();
      expect(broker.address).not.toBe(kafka.address);
      await Promise.all([broker.stop(), broker.stop()]);
      expect(() => process.kill(broker.pid, 0)).toThrow("ESRCH");
    },
    90_000,
  );
});

it("is missed with a reason and the line that installs it", async () => {
  const path = process.env["PATH"];
  process.env["PATH"] = import.meta.dirname;
  try {
    const missing = await kafkaJars().catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(KafkaMissing);
    expect((missing as Error).message).toContain(INSTALL_LINE);
  } finally {
    process.env["PATH"] = path;
  }
});
