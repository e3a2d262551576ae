/** Hooks on packages, in the order of the start line. */
import { grpcHook } from "./grpc-hook.ts";
import type { PackageHook } from "./package-hook.ts";

export const PACKAGE_HOOKS: readonly PackageHook[] = [grpcHook];
