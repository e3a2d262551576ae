/** A gRPC service of the four kinds on loopback, for the tests of the gRPC hook. Bodies are JSON. */
import * as grpc from "@grpc/grpc-js";

const serialize = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const deserialize = (bytes: Buffer): unknown => JSON.parse(bytes.toString()) as unknown;

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/shop.Shop/${name}`,
    requestStream,
    responseStream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  };
}

export const SHOP = {
  buy: method("buy", false, false),
  list: method("list", false, true),
  fill: method("fill", true, false),
  chat: method("chat", true, true),
} as const;

export type ShopHandlers = { [K in keyof typeof SHOP]?: grpc.UntypedHandleCall };

export interface ShopServer {
  readonly port: number;
  readonly target: string;
  readonly server: grpc.Server;
}

/** Serves on a free port of 127.0.0.1, or at `address`. */
export async function serveShop(
  handlers: ShopHandlers,
  { address = "127.0.0.1:0", ...options }: { address?: string } & grpc.ServerOptions = {},
): Promise<ShopServer> {
  const server = new grpc.Server(options);
  server.addService(SHOP, handlers as never);
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync(address, credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, target: `127.0.0.1:${port}`, server };
}

/** A plain client: `makeUnaryRequest` and its kin, as generated code calls them. */
export function shopClient(target: string, options: grpc.ClientOptions = {}): grpc.Client {
  return new grpc.Client(target, grpc.credentials.createInsecure(), options);
}

export interface UnaryReply {
  readonly value: unknown;
  readonly error: grpc.ServiceError | null;
  readonly metadata: grpc.Metadata | undefined;
}

/** One unary call; never rejects. */
export function buy(
  client: grpc.Client,
  argument: unknown,
  metadata: grpc.Metadata = new grpc.Metadata(),
  options: grpc.CallOptions = {},
): Promise<UnaryReply> {
  const { path, requestSerialize, responseDeserialize } = SHOP.buy;
  return new Promise((resolve) => {
    let initial: grpc.Metadata | undefined;
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      argument,
      metadata,
      options,
      (error, value) => resolve({ value, error, metadata: initial }),
    );
    call.on("metadata", (received) => {
      initial = received;
    });
  });
}
