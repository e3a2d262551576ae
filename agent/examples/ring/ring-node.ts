/**
 * A process of the ring: a Chord node (chord.ts) behind HTTP, with the agent embedded. What it believes is
 * recorded whenever it changes, in the log `ring`: `run`, `successors`, `predecessor`; and `rounds`, which
 * counts on, so that there are cuts to look at in calm too.
 */
import { startAgent } from "retroscope";
import { SkewedClock } from "retroscope/testing";
import { ChordNode, type Neighbours } from "./chord.ts";
import { ask, readAddressBook, serve } from "./messages.ts";

const ROUND_MS = 100;
const JOIN_RETRY_MS = 100;
/** How long a goodbye may take: longer than by default, as whoever asks for cuts waits for all of them. */
const GOODBYE_MS = 5_000;

const name = setting("RING_NODE");
const book = readAddressBook(setting("RING_ADDRESSES"));
/** Members at our start, to join by way of; none: we are the first. */
const members = setting("RING_MEMBERS")
  .split(",")
  .filter((one) => one !== "");

const agent = startAgent({
  service: "ring",
  node: name,
  collector: setting("RETROSCOPE_COLLECTOR"),
  clock: new SkewedClock(Number(setting("RING_SKEW_MS"))),
});
// The operator's stamp: what we do comes after the decision to start us, whatever our clock shows.
agent.merge({ "retroscope-hlc": setting("RING_STAMP") });
const ring = agent.log("ring");
ring.set("run", Number(setting("RING_RUN")));

const node = new ChordNode(name, {
  call: (to, question) => ask(book, to, question),
  changed: record,
});
let isLeaving = false;

/** All that changed, under one stamp: no cut shows half of it. */
function record(neighbours: Neighbours | null): void {
  ring.commit((tx) => {
    if (neighbours === null) {
      tx.delete("successors");
      tx.delete("predecessor");
      return;
    }
    tx.set("successors", neighbours.successors);
    tx.set("predecessor", neighbours.predecessor);
  });
}

const server = await serve(book.get(name) ?? 0, async (question) => {
  if (question.ask !== "leave") return node.answer(question);
  isLeaving = true;
  await node.leave();
  return node.neighbours;
});

async function joinAny(): Promise<void> {
  if (members.length === 0) return node.begin();
  for (let i = 0; !node.isMember && !isLeaving; i = (i + 1) % members.length) {
    try {
      await node.join(members[i] as string);
    } catch {
      await delay(JOIN_RETRY_MS); // it is gone, or the ring is just being mended
    }
  }
}

let rounds = 0;
async function keepUp(): Promise<void> {
  while (!isLeaving) {
    await node.stabilise();
    rounds += 1;
    ring.set("rounds", rounds);
    await delay(ROUND_MS);
  }
}

process.once("SIGTERM", async () => {
  isLeaving = true;
  server.close();
  server.closeAllConnections();
  await agent.flush();
  await agent.close({ budgetMs: GOODBYE_MS });
  process.exit(0);
});

await joinAny();
await keepUp();

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function setting(key: string): string {
  const value = process.env[key];
  if (value === undefined)
    throw new Error(`${key} is not set; start this with "npm run case:ring"`);
  return value;
}
