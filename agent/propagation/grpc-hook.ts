/**
 * The hook on `@grpc/grpc-js`, client and server: the stamp rides in the request's metadata, the reply's
 * in the initial metadata, or in the trailers where an error leaves without any.
 *
 * The points lie below all that services and other SDKs wrap (clients, interceptors, handlers), in files
 * that the package's own door does not hand out. So a bundled copy is instrumented by three calls:
 *
 *     for (const file of ["client-interceptors", "subchannel", "server-interceptors"])
 *       agent.instrument("grpc", require(`@grpc/grpc-js/build/src/${file}`));
 */
import { noteMethods, stampCalls } from "./grpc-client-hook.ts";
import { type ServerInterceptorExports, stampReplies } from "./grpc-server-hook.ts";
import type { HookGuard } from "./hook-guard.ts";
import { MethodPatches } from "./method-patches.ts";
import type { PackageHook } from "./package-hook.ts";
import type { HookContext } from "./stamping.ts";

interface GrpcExports {
  readonly getInterceptingCall?: unknown;
  readonly Subchannel?: { readonly prototype: object };
  readonly BaseServerInterceptingCall?: unknown;
  readonly Http2ServerCallStream?: unknown;
  readonly ServerDuplexStreamImpl?: unknown;
  readonly ServerCredentials?: unknown;
}

export const grpcHook: PackageHook = {
  name: "grpc",
  packageName: "@grpc/grpc-js",
  entries: [
    "build/src/client-interceptors.js",
    "build/src/subchannel.js",
    "build/src/server-interceptors.js",
    "build/src/server-call.js",
  ],
  install(exports: unknown, context: HookContext, guard: HookGuard): () => void {
    if (typeof exports !== "object" || exports === null) throw new Error("it exports no object");
    const patches = new MethodPatches();
    const found = exports as GrpcExports;
    if (isDone(found) || (isDoor(found) && guard.isOn)) return () => undefined;
    if (found.BaseServerInterceptingCall !== undefined) {
      stampReplies(found as unknown as ServerInterceptorExports, context, guard, patches);
    } else if (found.Subchannel !== undefined) {
      stampCalls(found.Subchannel.prototype, context, guard, patches);
    } else if (found.getInterceptingCall !== undefined) {
      noteMethods(found, guard, patches);
    } else if (found.ServerDuplexStreamImpl !== undefined) {
      judgeVersion(found, guard);
    } else {
      throw new Error("no file that the hook knows; a bundled copy is instrumented file by file");
    }
    return () => patches.takeOut();
  },
};

/** Given by hand although the watch had seen it. */
function isDone(found: GrpcExports): boolean {
  return (
    MethodPatches.has(found, "getServerInterceptingCall") ||
    MethodPatches.has(found, "getInterceptingCall") ||
    (found.Subchannel !== undefined && MethodPatches.has(found.Subchannel.prototype, "createCall"))
  );
}

/** What the package itself exports: nothing to patch in it, and no harm if the parts were seen. */
function isDoor(found: GrpcExports): boolean {
  return found.ServerCredentials !== undefined && found.ServerDuplexStreamImpl === undefined;
}

/** Before 1.10 servers were made otherwise. This file is loaded after the client's. */
function judgeVersion(serverCalls: GrpcExports, guard: HookGuard): void {
  if (serverCalls.Http2ServerCallStream === undefined) return;
  guard.degrade("servers of this version are not stamped, those from 1.10 on are");
}
