/**
 * Questions between ring nodes, as JSON over HTTP on loopback. Nothing here knows of the agent: its hooks
 * stamp these messages by themselves.
 */
import { createServer, Agent as HttpAgent, request, type Server } from "node:http";
import type { Neighbours, Question } from "./chord.ts";

/** Ports by name, of all that may ever be members. */
export type AddressBook = ReadonlyMap<string, number>;

/**
 * A dead process refuses at once, so this is only for one that hangs: long, lest a busy machine breaks a
 * ring in which nothing has failed.
 */
const CALL_TIMEOUT_MS = 5_000;
const MAX_BODY_BYTES = 64 * 1024;
const connections = new HttpAgent({ keepAlive: true, maxSockets: 16 });

/** `ring-1=4001,ring-2=4002`. */
export function readAddressBook(text: string): AddressBook {
  const pairs = text.split(",").map((pair) => pair.split("=") as [string, string]);
  return new Map(pairs.map(([name, port]) => [name, Number(port)]));
}

/** Asks a node. Rejects if it cannot be reached, does not answer in time, or answers an error. */
export function ask(book: AddressBook, to: string, question: Question): Promise<Neighbours> {
  const port = book.get(to);
  if (port === undefined) return Promise.reject(new Error(`no such node: ${to}`));
  return new Promise((resolve, reject) => {
    const target = { host: "127.0.0.1", port, path: "/", method: "POST", agent: connections };
    const req = request(target, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (text.length > MAX_BODY_BYTES) req.destroy(new Error(`${to} answered too much`));
      });
      res.on("error", reject);
      res.on("end", () => {
        if (res.statusCode === 200) resolve(JSON.parse(text) as Neighbours);
        else reject(new Error(`${to} answered ${res.statusCode}`));
      });
    });
    req.setTimeout(CALL_TIMEOUT_MS, () => req.destroy(new Error(`${to} did not answer`)));
    req.on("error", reject);
    req.end(JSON.stringify(question));
  });
}

/** Serves questions; an answer that throws is a 503. */
export function serve(
  port: number,
  answer: (question: Question | { readonly ask: "leave" }) => Promise<Neighbours>,
): Promise<Server> {
  const server = createServer((req, res) => {
    let text = "";
    req.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.length > MAX_BODY_BYTES) req.destroy();
    });
    req.on("end", () => {
      const reply = (status: number, body: unknown): void => {
        res.writeHead(status, { "content-type": "application/json" });
        res.end(JSON.stringify(body));
      };
      Promise.resolve()
        .then(() => answer(JSON.parse(text) as Question))
        .then(
          (neighbours) => reply(200, neighbours),
          (error: unknown) => reply(503, { error: String(error) }),
        );
    });
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
