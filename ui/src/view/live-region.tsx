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
    /** What somebody said, until it has been told. */
    let waiting = "";
    const sayLater = (text: string) => {
      cancel();
      cancel = app.host.after(QUIET_MS, () => {
        said.value = text;
        waiting = "";
      });
    };
    const stops = [
      effect(() => {
        waiting = app.spoken.value;
        if (waiting !== "") sayLater(waiting);
      }),
      effect(() => {
        // While live the cut moves every second by itself; that is not news.
        if (!app.choices.live.value && app.choices.cut.value !== null) {
          // What was said of a move is not talked over by the answer to it.
          sayLater([waiting, spokenCut(app)].filter((text) => text !== "").join(". "));
        }
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
