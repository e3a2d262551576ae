/**
 * `window.__retroscope`: what a test, or a curious person, may read of the page. Getters only; it
 * shows nothing that the screen does not, and nothing can be done through it.
 */
import { hexOf } from "./api/client.ts";
import type { App } from "./app.ts";

export interface TestHook {
  /** The asked cut, 16 hex digits. */
  readonly cut: string | null;
  /** The cut that is known whole, and shown by lines and panels. */
  readonly shownCut: string | null;
  /** The cut whose values State shows: while a long state is dragged, of the nodes in sight alone. */
  readonly stateCut: string | null;
  readonly viewport: { readonly from: string; readonly to: string } | null;
  /** Requests and steps under way; the page is settled at 0. */
  readonly pending: number;
  readonly live: boolean;
  /** Whether the view has rested: the zoom trail can come back to it. */
  readonly rested: boolean;
  /** Whether the canvases show the newest state of the page. */
  readonly painted: boolean;
  readonly frameCount: number;
  /** Rows of the query that are here, and how its run stands. */
  readonly query: { readonly rows: number; readonly phase: string };
  /** Milliseconds of script in the latest frames. */
  readonly frameTimes: readonly number[];
  /** Tiles of the timeline: how many are held, of how many bytes; whether any lane has been drawn. */
  readonly tiles: {
    readonly held: number;
    readonly bytes: number;
    /** Requests, those included that nobody waits for. */
    readonly running: number;
    readonly drawn: boolean;
  };
  /** Where events lie on the plot, for pointers: only what is drawn exactly. */
  readonly glyphs: readonly { node: string; kind: string; seq: number; x: number; y: number }[];
}

export function exposeTestHook(app: App): void {
  const hook: TestHook = {
    get cut() {
      const cut = app.choices.cut.peek();
      return cut === null ? null : hexOf(cut);
    },
    get shownCut() {
      const shown = app.answers.cut.answered.peek();
      return shown === null ? null : hexOf(shown.answer.at);
    },
    get stateCut() {
      const at = (app.glance.peek() ?? app.answers.cut.answered.peek()?.answer)?.at;
      return at === undefined ? null : hexOf(at);
    },
    get viewport() {
      const view = app.choices.viewport.peek();
      return view === null ? null : { from: hexOf(view.from), to: hexOf(view.to) };
    },
    get pending() {
      return (
        app.answers.pendingCount() +
        (app.cutAsker.isResting ? 1 : 0) +
        (app.stepper.busy.peek() ? 1 : 0) +
        (app.walker.busy.peek() ? 1 : 0) +
        (app.query.run.isRunning ? 1 : 0)
      );
    },
    get live() {
      return app.choices.live.peek();
    },
    get rested() {
      return app.verbs.isAtRest();
    },
    get painted() {
      return app.frames.isIdle;
    },
    get query() {
      return { rows: app.query.rows.peek().length, phase: app.query.run.phase.peek() };
    },
    get frameCount() {
      return app.frames.frameCount;
    },
    get frameTimes() {
      return [...app.frames.scriptMs];
    },
    get tiles() {
      const { store } = app.answers.tiles;
      return {
        held: store.count,
        bytes: store.bytes,
        running: app.answers.tiles.runningCount,
        drawn: app.timeline.peek() !== null,
      };
    },
    get glyphs() {
      return visibleGlyphs(app);
    },
  };
  Object.defineProperty(window, "__retroscope", { value: Object.freeze(hook) });
}

function visibleGlyphs(app: App): TestHook["glyphs"] {
  const scale = app.scale.peek();
  const timeline = app.timeline.peek();
  if (scale === null || timeline === null || !timeline.exact) return [];
  return app.layout.peek().lanes.flatMap((row) =>
    row.nodes.flatMap(({ node }) => {
      const exact = timeline.lanes.get(node)?.exact;
      return (exact?.lines ?? []).flatMap((line, i) => {
        const x = scale.x(exact?.times[i] as number);
        return x < 0 || x > scale.width
          ? []
          : [{ node, kind: line.kind, seq: line.seq, x, y: row.lifelineY }];
      });
    }),
  );
}
