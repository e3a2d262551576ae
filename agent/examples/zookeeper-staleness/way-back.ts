/**
 * The way back from the observers to the writer, beside ZooKeeper: an empty request every 20 ms, as services
 * that work together have other things to ask each other. The agent's hooks stamp it and its reply.
 *
 * It matters. With stamps in the znodes alone, which go from the writer to the observers, no clock that runs
 * ahead is ever heard of by the writer; a replica whose observer's clock is 200 ms ahead then seems 200 ms
 * late at every cut, and no causality forbids that. Clocks are as close as messages are frequent.
 */
import { createServer, Agent as HttpAgent, request, type Server } from "node:http";

const ASK_EVERY_MS = 20;
const ASK_TIMEOUT_MS = 1_000;

/** The writer's side: answers every request with nothing but what the hooks put on it. */
export function answerObservers(port: number): Server {
  const server = createServer((_, res) => {
    res.statusCode = 204;
    res.end();
  });
  server.listen(port, "127.0.0.1");
  return server;
}

/** An observer's side: asks as long as `isWanted`, one request at a time. Returns what ends it. */
export function askWriter(port: number, isWanted: () => boolean): () => void {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 });
  let isOpen = false;
  const timer = setInterval(() => {
    if (isOpen || !isWanted()) return;
    isOpen = true;
    const req = request({ host: "127.0.0.1", port, agent }, (res) => res.resume());
    req.setTimeout(ASK_TIMEOUT_MS, () => req.destroy(new Error("no answer")));
    req.on("error", () => undefined); // "close" follows; the next one may do better
    req.on("close", () => {
      isOpen = false;
    });
    req.end();
  }, ASK_EVERY_MS);
  return () => {
    clearInterval(timer);
    agent.destroy();
  };
}
