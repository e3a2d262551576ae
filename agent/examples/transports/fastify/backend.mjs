/** The backend: sells and ships what is in stock. Plain fastify; the agent comes by `--import`. */
import fastify from "fastify";

const stock = new Map([["apples", 1_000_000]]);
const app = fastify();

app.post("/sell/:item", (request, reply) => {
  const { item } = request.params;
  const left = stock.get(item);
  if (left === undefined) return reply.code(404).send({ error: `no ${item}` });
  stock.set(item, left - 1);
  return reply.send({ item, left: left - 1 });
});

app.post("/ship/:item", async (request) => {
  await new Promise((packed) => setTimeout(packed, 1));
  return { shipped: request.params.item };
});

await app.listen({ port: Number(process.env.PORT ?? 0), host: "127.0.0.1" });
process.stdout.write(`listening on ${app.server.address().port}\n`);
