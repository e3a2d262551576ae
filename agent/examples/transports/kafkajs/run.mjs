// Runs the example once: makes its topics, starts the warehouse and the shop with an agent each, waits until
// all orders are shipped, and ends both. Exit code 0: they were.
//
//   node run.mjs --kafka 127.0.0.1:9092 --collector http://127.0.0.1:7700 [--variant esm|cjs] [--orders 100]
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Kafka, logLevel } from "kafkajs";

const RUN_TIMEOUT_MS = 60_000;
const { values } = parseArgs({
  options: {
    kafka: { type: "string", default: "127.0.0.1:9092" },
    collector: { type: "string", default: "http://127.0.0.1:7700" },
    variant: { type: "string", default: "esm" },
    orders: { type: "string", default: "100" },
  },
});
/** Of an example that runs several times on one broker, each run has topics of its own. */
const suffix = `-${values.variant}-${process.pid}`;
const env = {
  ...process.env,
  RETROSCOPE_COLLECTOR: values.collector,
  EXAMPLE_KAFKA: values.kafka,
  EXAMPLE_ORDERS: values.orders,
  EXAMPLE_SUFFIX: suffix,
};

function start(service) {
  const [preload, extension] =
    values.variant === "cjs" ? ["--require", "cjs"] : ["--import", "mjs"];
  const file = join(import.meta.dirname, `${service}.${extension}`);
  return spawn(process.execPath, [preload, "retroscope/register", file], {
    stdio: "inherit",
    env: { ...env, RETROSCOPE_SERVICE: service, RETROSCOPE_NODE: `${service}${suffix}` },
  });
}

async function makeTopics() {
  const admin = new Kafka({ brokers: [values.kafka], logLevel: logLevel.ERROR }).admin();
  await admin.connect();
  const topics = ["orders", "shipments"].map((name) => ({
    topic: name + suffix,
    numPartitions: 3,
  }));
  await admin.createTopics({ topics, waitForLeaders: true });
  await admin.disconnect();
}

await makeTopics();
const services = [start("warehouse"), start("shop")];
const [warehouse, shop] = services;
const timer = setTimeout(() => {
  for (const service of services) service.kill("SIGKILL");
}, RUN_TIMEOUT_MS);
const [code] = await once(shop, "exit");
if (warehouse.exitCode === null && warehouse.signalCode === null) {
  warehouse.kill("SIGTERM");
  await once(warehouse, "exit");
}
clearTimeout(timer);
process.exitCode = code === 0 && warehouse.exitCode === 0 ? 0 : 1;
