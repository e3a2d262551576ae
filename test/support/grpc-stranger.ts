/** Lets the gRPC server hook see its callers under another address, as a public edge would. */
import http2 from "node:http2";

/** Runs `call` while sockets of HTTP/2 server sessions claim to come from `address`. */
export async function onServer<T>(
  address: string,
  call: () => Promise<T>,
): Promise<{ readonly reply: T; restore(): void }> {
  const { emit } = http2.createServer() as unknown as { emit: Emit };
  const holder = Object.getPrototypeOf(http2.createServer()) as { emit: Emit };
  holder.emit = function (event, ...args) {
    if (event === "connection") Object.defineProperty(args[0], "remoteAddress", { value: address });
    return emit.call(this, event, ...args);
  };
  const restore = (): void => {
    delete (holder as { emit?: Emit }).emit;
  };
  try {
    return { reply: await call(), restore };
  } catch (error) {
    restore();
    throw error;
  }
}

type Emit = (this: unknown, event: string, ...args: unknown[]) => boolean;
