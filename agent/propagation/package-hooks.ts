/** Hooks on packages, in the order of the start line. */
import { grpcHook } from "./grpc-hook.ts";
import { kafkajsHook } from "./kafkajs-hook.ts";
import type { PackageHook } from "./package-hook.ts";
import { wsHook } from "./ws-hook.ts";

export const PACKAGE_HOOKS: readonly PackageHook[] = [kafkajsHook, grpcHook, wsHook];
