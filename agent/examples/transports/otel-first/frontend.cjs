/** The frontend: takes orders, and asks the backend over `node:http` to sell and then to ship. */
const { request } = require("node:http");
const express = require("express");

const BACKEND = `http://${process.env.BACKEND ?? "127.0.0.1:3001"}`;
/** Nobody listens on port 4: what goes there fails. */
const NOWHERE = "http://127.0.0.1:4";

const app = express();

app.post("/orders/:item", async (incoming, response) => {
  const { item } = incoming.params;
  const backend = item === "nowhere" ? NOWHERE : BACKEND;
  try {
    const sold = await post(`${backend}/sell/${item}`);
    if (sold.status !== 200) {
      response.status(sold.status).json(sold.body);
      return;
    }
    const shipped = await post(`${backend}/ship/${item}`);
    response.json({ ...sold.body, ...shipped.body });
  } catch (error) {
    response.status(502).json({ error: String(error) });
  }
});

function post(url) {
  return new Promise((resolve, reject) => {
    const call = request(url, { method: "POST" }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      answer.once("end", () => resolve({ status: answer.statusCode, body: JSON.parse(text) }));
    });
    call.once("error", reject);
    call.end();
  });
}

const server = app.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  process.stdout.write(`listening on ${server.address().port}\n`);
});
