/** The frontend: takes orders, and asks the backend over `node:http`, with its keep-alive agent. */
import { request } from "node:http";
import fastify from "fastify";

const BACKEND = `http://${process.env.BACKEND ?? "127.0.0.1:3001"}`;
/** Nobody listens on port 4: what goes there fails. */
const NOWHERE = "http://127.0.0.1:4";

const app = fastify();

app.post("/orders/:item", async (order, reply) => {
  const { item } = order.params;
  const backend = item === "nowhere" ? NOWHERE : BACKEND;
  try {
    const sold = await post(`${backend}/sell/${item}`);
    if (sold.status !== 200) return reply.code(sold.status).send(sold.body);
    const shipped = await post(`${backend}/ship/${item}`);
    return { ...sold.body, ...shipped.body };
  } catch (error) {
    return reply.code(502).send({ error: String(error) });
  }
});

function post(url) {
  return new Promise((resolve, reject) => {
    const call = request(url, { method: "POST" }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode, body: JSON.parse(text) }));
    });
    call.on("error", reject).end();
  });
}

await app.listen({ port: Number(process.env.PORT ?? 0), host: "127.0.0.1" });
process.stdout.write(`listening on ${app.server.address().port}\n`);
