/** A front of the collector that answers some requests by itself, as a script says, and passes on the rest. */
import { createServer, request } from "node:http";

export class HttpFront {
  port = 0;
  /** `({ path, body })` -> `{ status, headers }`, or undefined to pass the request on. */
  script = () => undefined;
  total = 0;
  #counts = new Map();
  #scene;
  #server;

  constructor(scene) {
    this.#scene = scene;
    scene.onClose(() => this.close());
  }

  async listen() {
    this.#server = createServer((incoming, response) => {
      const parts = [];
      incoming.on("error", () => undefined);
      incoming.on("data", (part) => parts.push(part));
      incoming.once("end", () => this.#answer(incoming, Buffer.concat(parts), response));
    });
    this.#server.listen(0, "127.0.0.1");
    await new Promise((resolve) => this.#server.once("listening", resolve));
    this.port = this.#server.address().port;
    return this;
  }

  /** How often it answered so by itself. */
  countOf(status) {
    return this.#counts.get(status) ?? 0;
  }

  close() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  #answer({ url, method, headers }, body, response) {
    this.total += 1;
    const own = this.script({ path: url, body });
    if (own !== undefined) {
      this.#counts.set(own.status, this.countOf(own.status) + 1);
      response.writeHead(own.status, own.headers ?? {});
      response.end("{}");
      return;
    }
    const { port } = this.#scene.collector;
    const sent = request({ host: "127.0.0.1", port, path: url, method, headers }, (reply) => {
      const parts = [];
      reply.on("data", (part) => parts.push(part));
      reply.once("error", () => response.destroy());
      reply.once("end", () => {
        const text = Buffer.concat(parts);
        if (reply.statusCode === 200)
          this.#scene.ledger.acknowledged(JSON.parse(text.toString()).acks);
        response.writeHead(reply.statusCode, reply.headers);
        response.end(text);
      });
    });
    sent.once("error", () => response.destroy());
    sent.end(body);
  }
}
