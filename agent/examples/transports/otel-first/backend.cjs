/** The backend: sells and ships what is in stock. Plain express; all else is preloaded. */
const express = require("express");

const stock = new Map([["apples", 1_000_000]]);
const app = express();

app.post("/sell/:item", (request, response) => {
  const { item } = request.params;
  const left = stock.get(item);
  if (left === undefined) {
    response.status(404).json({ error: `no ${item}` });
    return;
  }
  stock.set(item, left - 1);
  response.json({ item, left: left - 1 });
});

app.post("/ship/:item", async (request, response) => {
  await new Promise((packed) => setTimeout(packed, 1));
  response.json({ shipped: request.params.item });
});

const server = app.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  process.stdout.write(`listening on ${server.address().port}\n`);
});
