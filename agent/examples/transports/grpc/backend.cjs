/** The backend: a gRPC service that sells, and ships step by step. The agent comes by `--import`. */
const { join } = require("node:path");
const grpc = require("@grpc/grpc-js");
const { loadSync } = require("@grpc/proto-loader");

const { shop } = grpc.loadPackageDefinition(loadSync(join(__dirname, "shop.proto")));
const stock = new Map([["apples", 1_000_000]]);

const server = new grpc.Server();
server.addService(shop.Shop.service, {
  sell(call, done) {
    const { item } = call.request;
    const left = stock.get(item);
    if (left === undefined) {
      done({ code: grpc.status.NOT_FOUND, details: `no ${item}` });
      return;
    }
    stock.set(item, left - 1);
    done(null, { item, left: left - 1 });
  },
  async ship(call) {
    for (const name of ["packed", "labelled", "sent"]) {
      call.write({ name });
      await new Promise((done) => setTimeout(done, 1));
    }
    call.end();
  },
});

const address = `127.0.0.1:${process.env.PORT ?? 0}`;
server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`listening on ${port}\n`);
});
