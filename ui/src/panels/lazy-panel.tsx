/** A panel whose code is not part of the first load: it comes when the panel is opened first, and stays. */
import { signal } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { App } from "../app.ts";

type PanelBody = ComponentType<{ readonly app: App }>;

/** What `load` resolves to, and until then a word; it is loaded at most once, unless that failed. */
export function lazyPanel(load: () => Promise<PanelBody>): PanelBody {
  const body = signal<{ readonly Body: PanelBody } | null>(null);
  const isMissing = signal(false);
  let isLoading = false;
  const begin = (): void => {
    if (isLoading || body.peek() !== null) return;
    isLoading = true;
    isMissing.value = false;
    load().then(
      (Body) => {
        body.value = { Body };
      },
      () => {
        isLoading = false;
        isMissing.value = true;
      },
    );
  };
  return function LazyPanel({ app }): JSX.Element {
    useEffect(begin, []);
    if (body.value !== null) return <body.value.Body app={app} />;
    if (!isMissing.value) return <p class="hint">Loading…</p>;
    return (
      <p class="hint" role="alert">
        This panel could not be loaded.{" "}
        <button type="button" class="link" onClick={begin}>
          Try again
        </button>
      </p>
    );
  };
}
