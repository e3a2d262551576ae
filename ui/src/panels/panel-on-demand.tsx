/** A panel whose code comes when somebody opens it first: the page itself stays small. */
import { signal } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { App } from "../app.ts";

type PanelComponent = ComponentType<{ readonly app: App }>;

/** `load` runs once, and again when it failed and somebody asks for it. */
export function panelOnDemand(load: () => Promise<PanelComponent>): PanelComponent {
  const loaded = signal<PanelComponent | null>(null);
  const isMissing = signal(false);
  let isLoading = false;
  const start = (): void => {
    if (isLoading || loaded.peek() !== null) return;
    isLoading = true;
    isMissing.value = false;
    load()
      .then(
        (Body) => {
          loaded.value = Body;
        },
        () => {
          isMissing.value = true;
        },
      )
      .finally(() => {
        isLoading = false;
      });
  };
  return function PanelOnDemand({ app }: { readonly app: App }): JSX.Element {
    useEffect(start, []);
    const Body = loaded.value;
    if (Body !== null) return <Body app={app} />;
    if (!isMissing.value) return <p role="status">Loading the panel…</p>;
    return (
      <div class="notice error" role="alert">
        <p>This panel could not be loaded. Is the collector still running?</p>
        <button type="button" onClick={start}>
          Try again
        </button>
      </div>
    );
  };
}
