/**
 * The package-hook port: a hook on a package of the host's, such as kafkajs, which is patched when the
 * host loads it. package-hooks.ts lists them, package-watch.ts tells when, install.ts joins the two.
 */
import type { HookGuard, HookName } from "./hook-guard.ts";
import type { HookContext } from "./stamping.ts";

export interface PackageHook {
  readonly name: HookName;
  /** As on npm. */
  readonly packageName: string;
  /**
   * The files of the package whose exports are patched, from its folder, `/` between: `index.js`. Those
   * that importers of both module systems share.
   */
  readonly entries: readonly string[];

  /**
   * Patches the exports of one entry of one copy of the package: the service's own. Called once for
   * each, before the service sees them, or after, where it was faster.
   *
   * @param exports `module.exports`, whatever that is
   * @param guard says whether to work; every error of ours ends there. It is not active yet.
   * @returns takes the patch out
   * @throws whatever: these exports are not what the hook knows; it is reported `unavailable`
   */
  install(exports: unknown, context: HookContext, guard: HookGuard): () => void;
}
