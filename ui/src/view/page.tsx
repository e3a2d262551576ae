/** The page: toolbar, minimap, timeline beside the panel, status bar. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { App } from "../app.ts";
import { Panel } from "../panels/panel.tsx";
import { panelOnDemand } from "../panels/panel-on-demand.tsx";
import { EmptyPage } from "./empty-page.tsx";
import { LiveRegion } from "./live-region.tsx";
import { Notices } from "./notices.tsx";
import { Overview } from "./overview.tsx";
import { Splitter } from "./splitter.tsx";
import { StatusBar } from "./status-bar.tsx";
import { Timeline } from "./timeline.tsx";
import { Toolbar } from "./toolbar.tsx";

const FIRST_PANEL_PX = 460;
const BisectBar = panelOnDemand(async () => (await import("./bisect-bar.tsx")).BisectBar);
const KeyboardHelp = panelOnDemand(async () => (await import("./keyboard-help.tsx")).KeyboardHelp);

export function Page({ app }: { readonly app: App }): JSX.Element {
  const stage = useRef<HTMLDivElement>(null);
  const panelPx = useSignal(FIRST_PANEL_PX);
  /** On a narrow screen only one of the two is shown. */
  const narrowSide = useSignal<"lanes" | "panel">("lanes");
  useEffect(() => {
    stage.current?.style.setProperty("--panel-width", `${panelPx.value}px`);
  }, [panelPx.value]);

  /** It stays once it was opened: a dialog that closes gives the focus back. */
  const hasHelp = useRef(false);
  hasHelp.current ||= app.isHelpOpen.value;

  const { good, bad } = app.choices.bisect.value;
  const isBisecting = good !== null || bad !== null;
  const facts = app.watch.facts.value;
  const isEmpty = facts !== null && facts.extent === null && facts.nodes.length === 0;
  return (
    <div class="page">
      <Toolbar app={app} />
      <main>
        <Notices app={app} />
        {isBisecting && <BisectBar app={app} />}
        {isEmpty ? (
          <EmptyPage app={app} />
        ) : (
          <>
            <Overview app={app} />
            <fieldset class="narrow-switch">
              <legend class="sr-only">Shown on this narrow screen</legend>
              {(["lanes", "panel"] as const).map((side) => (
                <button
                  key={side}
                  type="button"
                  aria-pressed={narrowSide.value === side}
                  onClick={() => {
                    narrowSide.value = side;
                  }}
                >
                  {side === "lanes" ? "Timeline" : "Details"}
                </button>
              ))}
            </fieldset>
            <div class="stage" ref={stage} data-narrow={narrowSide.value}>
              <Timeline app={app} />
              <Splitter panelPx={panelPx} />
              <Panel app={app} />
            </div>
          </>
        )}
      </main>
      {!isEmpty && <StatusBar app={app} />}
      <LiveRegion app={app} />
      {hasHelp.current && <KeyboardHelp app={app} />}
    </div>
  );
}
