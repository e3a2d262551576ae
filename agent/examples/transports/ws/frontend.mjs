/** The frontend: takes orders over HTTP, and asks the backend over one WebSocket. */
import { createServer } from "node:http";
import { WebSocket } from "ws";

/** Nobody listens on port 4: connecting to it fails. */
const NOWHERE = "ws://127.0.0.1:4";

const backend = new WebSocket(`ws://${process.env.BACKEND ?? "127.0.0.1:3001"}`);
const waiting = new Map();
let lastId = 0;

backend.on("message", (data) => {
  const { id, ...body } = JSON.parse(String(data));
  waiting.get(id)(body);
  waiting.delete(id);
});

function ask(question) {
  lastId += 1;
  const id = lastId;
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    backend.send(JSON.stringify({ id, ...question }));
  });
}

function connectToNowhere() {
  return new Promise((_, reject) => {
    new WebSocket(NOWHERE).on("error", reject);
  });
}

const server = createServer(async (request, response) => {
  const item = request.url?.split("/").at(-1);
  response.setHeader("content-type", "application/json");
  try {
    if (item === "nowhere") await connectToNowhere();
    const sold = await ask({ ask: "sell", item });
    if (sold.error !== undefined) response.statusCode = 404;
    const shipped = sold.error === undefined ? await ask({ ask: "ship", item }) : {};
    response.end(JSON.stringify({ ...sold, ...shipped }));
  } catch (error) {
    response.statusCode = 502;
    response.end(JSON.stringify({ error: String(error) }));
  }
});
backend.on("open", () => {
  server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
    process.stdout.write(`listening on ${server.address().port}\n`);
  });
});
