/** Episodes as `/api/bottlenecks` gives them, made up: for tests of what shows them. */
import { addMs, formatHlc, type Hlc, unixMsFromTicks } from "../../agent/kernel/index.ts";
import type { EpisodeJson, EpisodeTierJson } from "../../collector/api/bottleneck-shapes.ts";

export interface EpisodeDraft {
  readonly id?: string;
  readonly node?: string;
  readonly edge?: EpisodeTierJson["edge"];
  readonly ms?: number;
  /** How far stamps are ahead of the raw clock. */
  readonly leadMs?: number;
  readonly isOpen?: boolean;
  readonly revision?: number;
  readonly class?: EpisodeJson["class"];
  readonly causes?: readonly (readonly [cause: string, ms: number])[];
}

/** One that begins at `onset`, by the stamps of its node. */
export function episodeAt(onset: Hlc, draft: EpisodeDraft = {}): EpisodeJson {
  const { node = "store-2", ms = 150, leadMs = 0, isOpen = false, revision = 1 } = draft;
  const causes = draft.causes ?? [["run", ms]];
  const raw = addMs(onset, -leadMs);
  const explained = causes.reduce((sum, [, causeMs]) => sum + causeMs, 0);
  return {
    id: draft.id ?? `ep-${formatHlc(onset)}-${node}`,
    status: isOpen ? "open" : "closed",
    revision,
    class: draft.class ?? "fault",
    onset: hJson(raw),
    end: isOpen ? null : hJson(addMs(raw, ms)),
    stamped: { onset: hJson(onset), end: isOpen ? null : hJson(addMs(onset, ms)) },
    durationMs: ms,
    drainMs: isOpen ? 0 : 35,
    tier: {
      ...{ service: node.replace(/-\d+$/, ""), node },
      ...(draft.edge === undefined ? {} : { edge: draft.edge }),
    },
    severity: { requestMs: ms * 12, requests: 31, worstMs: ms + 20 },
    triggers: [],
    causes: causes.map(([cause, causeMs]) => {
      const evidence = [`heartbeat of ${node} late by ${ms} ms`];
      return { cause, node, ms: causeMs, share: causeMs / ms, score: 3, evidence };
    }),
    unexplainedMs: Math.round((ms - explained) * 100) / 100,
    candidates: [],
    path: [{ from: "gateway-1", to: node, kind: "downstream", requestMs: ms * 11 }],
    skew: { boundMs: 6, orderUsed: true, adjustedOnset: hJson(raw), reference: "gateway-1" },
    signals: { unavailable: [] },
    snapshot: { at: hJson(addMs(raw, -6)), complete: true, pinned: false },
    capture: null,
  };
}

function hJson(t: Hlc): { readonly hlc: string; readonly time: string } {
  return { hlc: formatHlc(t), time: new Date(unixMsFromTicks(t)).toISOString() };
}
