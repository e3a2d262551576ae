/** Hooks on packages, in the order of the start line. */
import type { PackageHook } from "./package-hook.ts";

export const PACKAGE_HOOKS: readonly PackageHook[] = [];
