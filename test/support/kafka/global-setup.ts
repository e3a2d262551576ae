/** Keeps the broker that test files share: started when the first one asks, ended with the run. */
import { createServer } from "node:http";
import type { TestProject } from "vitest/node";
import { type Broker, startBroker } from "./broker.ts";
import { KafkaMissing } from "./jars.ts";

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let starting: Promise<Broker> | undefined;
  const desk = createServer((_request, reply) => {
    starting ??= startBroker();
    starting.then(
      ({ address }) => reply.end(JSON.stringify({ address })),
      (error: Error) => {
        if (error instanceof KafkaMissing) reply.end(JSON.stringify({ missing: error.message }));
        else reply.writeHead(500).end(String(error.stack));
      },
    );
  });
  await new Promise<void>((resolve) => desk.listen(0, "127.0.0.1", () => resolve()));
  desk.unref();
  const { port } = desk.address() as { port: number };
  project.provide("kafkaDesk", `http://127.0.0.1:${port}/`);

  return async () => {
    desk.close();
    desk.closeAllConnections();
    const broker = await starting?.catch(() => undefined);
    await broker?.stop();
  };
}
