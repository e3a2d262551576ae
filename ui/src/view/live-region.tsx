/** What a screen reader is told without asking: at most once a second, the newest only. */
import { effect, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { App } from "../app.ts";
import { spokenCut } from "../model/spoken-cut.ts";

const QUIET_MS = 1_000;

export function LiveRegion({ app }: { readonly app: App }): JSX.Element {
  const said = useSignal("");
  useEffect(() => {
    let cancel = () => {};
    const sayLater = (text: string) => {
      cancel();
      cancel = app.host.after(QUIET_MS, () => {
        said.value = text;
      });
    };
    const stops = [
      effect(() => {
        if (app.spoken.value !== "") sayLater(app.spoken.value);
      }),
      effect(() => {
        // While live the cut moves every second by itself; that is not news.
        if (!app.choices.live.value && app.choices.cut.value !== null) sayLater(spokenCut(app));
      }),
    ];
    return () => {
      cancel();
      for (const stop of stops) stop();
    };
  }, [app, said]);
  return (
    <p class="sr-only" role="status" aria-live="polite">
      {said}
    </p>
  );
}
