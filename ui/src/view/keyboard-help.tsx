/** All keys, from the table that makes them work; and what the shapes mean. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { App } from "../app.ts";
import { KEY_ROWS } from "../input/keys.ts";

const SHAPES: readonly (readonly [string, string])[] = [
  ["●", "a variable changed"],
  ["■", "several changed in one commit"],
  ["○", "a variable was deleted"],
  ["▷", "a message was sent"],
  ["◁", "a message was received"],
  ["⚑", "a mark"],
  ["▬", "a request, from arrival to departure"],
  ["|", "a keyframe; doubled where a node joins or leaves"],
  ["◆", "a bottleneck: its cause and its milliseconds; ▲ a burst of requests"],
  ["╱╱", "hatched: not known, or not yet"],
  ["[n ]", "a strip: the value of a variable shown on the lanes"],
  ["+8a5", "after a time: tells apart the moments within one millisecond"],
];

export function KeyboardHelp({ app }: { readonly app: App }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = app.isHelpOpen.value;
  useEffect(() => {
    if (isOpen && dialog.current?.open === false) dialog.current.showModal();
    if (!isOpen) dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog
      class="help"
      ref={dialog}
      aria-labelledby="help-title"
      onClose={() => {
        app.isHelpOpen.value = false;
      }}
    >
      <div class="help-head">
        <h2 id="help-title">Keys and shapes</h2>
        <button
          type="button"
          onClick={() => {
            app.isHelpOpen.value = false;
          }}
        >
          Close
        </button>
      </div>
      <div class="help-columns">
        <dl>
          {KEY_ROWS.map(({ shown, does }) => (
            <div key={shown}>
              <dt>
                <kbd>{shown}</kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
          <div>
            <dt>
              <kbd>Ctrl + wheel</kbd>
            </dt>
            <dd>zoom at the pointer; Shift + wheel pans; double click fits</dd>
          </div>
          <div>
            <dt>
              <kbd>Alt + ↑ ↓, Home; Del</kbd>
            </dt>
            <dd>on the head of a lane: moves it, pins it to the top; hides it</dd>
          </div>
          <div>
            <dt>
              <kbd>Drag on the ruler</kbd>
            </dt>
            <dd>measures; the ends snap to events, Alt frees them</dd>
          </div>
          <div>
            <dt>
              <kbd>Click, drag</kbd>
            </dt>
            <dd>
              on the ground: puts the cut there, pans; on a shape: shows its event; on the cut line:
              moves it
            </dd>
          </div>
        </dl>
        <dl class="shapes">
          {SHAPES.map(([shape, means]) => (
            <div key={shape}>
              <dt aria-hidden="true">{shape}</dt>
              <dd>{means}</dd>
            </div>
          ))}
        </dl>
      </div>
    </dialog>
  );
}
