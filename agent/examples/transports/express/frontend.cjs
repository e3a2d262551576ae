/** The frontend: takes orders, and asks the backend with `fetch` to sell and then to ship. */
const express = require("express");

const BACKEND = `http://${process.env.BACKEND ?? "127.0.0.1:3001"}`;
/** Nobody listens on port 4: what goes there fails. */
const NOWHERE = "http://127.0.0.1:4";

const app = express();

app.post("/orders/:item", async (request, response) => {
  const { item } = request.params;
  const backend = item === "nowhere" ? NOWHERE : BACKEND;
  try {
    const sold = await fetch(`${backend}/sell/${item}`, { method: "POST" });
    const receipt = await sold.json();
    if (!sold.ok) {
      response.status(sold.status).json(receipt);
      return;
    }
    const shipped = await fetch(`${backend}/ship/${item}`, { method: "POST" });
    response.json({ ...receipt, ...(await shipped.json()) });
  } catch (error) {
    response.status(502).json({ error: String(error.cause ?? error) });
  }
});

const server = app.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  process.stdout.write(`listening on ${server.address().port}\n`);
});
