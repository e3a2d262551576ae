/** A collector to be overloaded, in a process of its own. Prints one JSON line when it listens. */
import { createCollector } from "#dist/collector/index.js";

const [data, memoryMib] = process.argv.slice(2);
const collector = await createCollector({
  data,
  port: 0,
  quiet: true,
  maxMemoryBytes: Number(memoryMib) * 1024 * 1024,
});
process.stdout.write(`${JSON.stringify({ port: collector.port })}\n`);
process.once("SIGTERM", async () => {
  await collector.close();
  process.exit(0);
});
