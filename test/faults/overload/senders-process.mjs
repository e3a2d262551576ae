/**
 * The senders, in a process of their own: told when to begin and end, tells what became of it.
 *
 *     senders-process PORT COUNT
 */
import { bodyOf, Sender } from "./sender.mjs";

const BATCHES = 10;
const NODES = 16;

const [port, count] = process.argv.slice(2).map(Number);
const bodies = Array.from({ length: NODES }, (_, i) => bodyOf(`load-${i}`, BATCHES));
const senders = Array.from(
  { length: count },
  (_, i) => new Sender(`load-${i % NODES}`, bodies[i % NODES]),
);
// Known before the load, so that a cut has something to show.
for (const sender of senders.slice(0, 4)) await sender.one(port);
let isOver = false;
let sending;
process.on("message", async (message) => {
  if (message === "begin") {
    sending = senders.map(async (sender) => {
      while (!isOver) await sender.one(port);
    });
    return;
  }
  isOver = true;
  await Promise.all(sending);
  const sum = (value) => senders.reduce((total, one) => total + value(one), 0);
  const strange = {};
  for (const one of senders) {
    for (const [status, n] of one.strange) strange[status] = (strange[status] ?? 0) + n;
  }
  const acknowledged = new Map();
  for (const one of senders) {
    const known = acknowledged.get(one.node) ?? 0;
    acknowledged.set(one.node, Math.max(known, one.acknowledged));
  }
  process.send({
    acknowledged: [...acknowledged.values()].reduce((total, one) => total + one, 0),
    tries: sum((one) => one.tries),
    refusals: sum((one) => one.refusals),
    strange,
  });
  process.disconnect();
});
process.send("ready");
