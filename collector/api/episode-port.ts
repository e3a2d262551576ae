/** What episodes set off in the rest of the collector: pinned cuts, and captures of on-demand agents. */
import type { Hlc } from "../../agent/kernel/index.ts";
import { type EpisodePort, PIN_PREFIX } from "../bottleneck/episode-actions.ts";
import type { History } from "../cut/history.ts";
import type { Captures } from "../ingest/captures.ts";
import type { SavedCuts } from "../retention/saved-cuts.ts";
import { packedCut } from "./saved-cut-json.ts";

/** A cut is waited for so long: nodes say at least once a second how far they are known. */
const PIN_WAIT_MS = 3_000;

export interface EpisodePortOptions {
  readonly history: History;
  readonly saved: SavedCuts;
  readonly captures: Captures;
  readonly wallMs: () => number;
}

export function episodePort({ history, saved, captures, wallMs }: EpisodePortOptions): EpisodePort {
  return {
    pinned: () =>
      saved
        .list()
        .map(({ name }) => name)
        .filter((name) => name.startsWith(PIN_PREFIX))
        .reverse(),
    async pin(name, at) {
      const known = saved.find(name);
      if (known !== undefined) return known.complete;
      // What is erased while the cut is made must not be kept in it.
      const since = saved.erasedCount;
      const cut = await history.waitForCut(at, {}, PIN_WAIT_MS);
      const { complete, consistent, members } = cut;
      const label = { name, at, savedMs: wallMs(), complete, consistent };
      await saved.save({ ...label, memberCount: members.length }, await packedCut(cut), since);
      return complete;
    },
    async release(name) {
      const known = saved.find(name);
      if (known !== undefined) await saved.remove(known);
    },
    async capture(from: Hlc, to: Hlc, reason: string) {
      const nodes = history
        .nodes()
        .filter(({ status, agent }) => status === "live" && isOnDemand(agent))
        .map(({ node }) => node);
      if (nodes.length === 0) return undefined;
      return (await captures.ask({ from, to, nodes, reason })).id;
    },
  };
}

/** What an agent says of itself is from outside: looked at, never trusted to have a shape. */
function isOnDemand(agent: unknown): boolean {
  return (agent as { readonly stream?: unknown } | null)?.stream === "on-demand";
}
