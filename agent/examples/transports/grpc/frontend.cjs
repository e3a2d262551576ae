/** The frontend: takes orders over HTTP, and asks the backend over gRPC to sell and then to ship. */
const { createServer } = require("node:http");
const { join } = require("node:path");
const grpc = require("@grpc/grpc-js");
const { loadSync } = require("@grpc/proto-loader");

const { shop } = grpc.loadPackageDefinition(loadSync(join(__dirname, "shop.proto")));
const insecure = grpc.credentials.createInsecure();
const backend = new shop.Shop(process.env.BACKEND ?? "127.0.0.1:3001", insecure);
/** Nobody listens on port 4: calls to it fail. */
const nowhere = new shop.Shop("127.0.0.1:4", insecure);

async function order(item) {
  const shopOf = item === "nowhere" ? nowhere : backend;
  const receipt = await new Promise((resolve, reject) => {
    shopOf.sell({ item }, (error, value) => (error === null ? resolve(value) : reject(error)));
  });
  const steps = [];
  for await (const { name } of shopOf.ship({ item })) steps.push(name);
  return { ...receipt, steps };
}

const server = createServer(async (request, response) => {
  const item = request.url?.split("/").at(-1);
  response.setHeader("content-type", "application/json");
  try {
    response.end(JSON.stringify(await order(item)));
  } catch (error) {
    response.statusCode = error.code === grpc.status.NOT_FOUND ? 404 : 502;
    response.end(JSON.stringify({ error: error.details }));
  }
});
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => {
  process.stdout.write(`listening on ${server.address().port}\n`);
});
