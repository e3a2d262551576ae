/** The backend: sells and ships over WebSockets. Plain ws; the agent comes by `--import`. */
const { WebSocketServer } = require("ws");

const stock = new Map([["apples", 1_000_000]]);
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.env.PORT ?? 0) });

server.on("connection", (socket) => {
  socket.on("message", async (data) => {
    const { id, ask, item } = JSON.parse(String(data));
    const answer = (body) => socket.send(JSON.stringify({ id, ...body }));
    const left = stock.get(item);
    if (left === undefined) {
      answer({ error: `no ${item}` });
    } else if (ask === "sell") {
      stock.set(item, left - 1);
      answer({ item, left: left - 1 });
    } else {
      await new Promise((packed) => setTimeout(packed, 1));
      answer({ shipped: item });
    }
  });
});
server.on("listening", () => process.stdout.write(`listening on ${server.address().port}\n`));
