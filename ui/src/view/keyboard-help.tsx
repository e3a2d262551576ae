/** All keys, from the table that makes them work, to read and to change; and what the shapes mean. */
import "../styles/help.css";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { App } from "../app.ts";
import { COMMAND_WORDS, groupedCommands, keyText } from "../find/command-words.ts";
import type { CommandName } from "../input/command-names.ts";
import { commandsByKey, keysOf } from "../input/key-map.ts";
import { keyName } from "../input/keys.ts";
import { isFreeKey, KEYS_AS_BUILT, type KeyChoices, keepKeys } from "../model/key-choices.ts";

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

const POINTER: readonly (readonly [string, string])[] = [
  ["F6", "next region (Shift: previous)"],
  ["Ctrl + wheel", "zoom at the pointer; Shift + wheel pans; double click fits"],
  ["Alt + ↑ ↓, Home; Del", "on the head of a lane: moves it, pins it to the top; hides it"],
  ["Del", "on a bookmark: takes it away"],
  ["Drag on the ruler", "measures; the ends snap to events, Alt frees them"],
  [
    "Click, drag",
    "on the ground: puts the cut there, pans; on a shape: shows its event; on the cut line: moves it",
  ],
];

export function KeyboardHelp({ app }: { readonly app: App }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = app.isHelpOpen.value;
  useEffect(() => {
    if (isOpen && dialog.current?.open === false) dialog.current.showModal();
    if (!isOpen) dialog.current?.close();
  }, [isOpen]);
  const close = (): void => {
    app.isHelpOpen.value = false;
  };
  return (
    <dialog class="help" ref={dialog} aria-labelledby="help-title" onClose={close}>
      <div class="help-head">
        <h2 id="help-title">Keys and shapes</h2>
        <button type="button" onClick={close}>
          Close
        </button>
      </div>
      <Keys app={app} />
      <div class="help-columns">
        <Words title="Pointer and regions" rows={POINTER} isKeys={true} />
        <Words title="Shapes" rows={SHAPES} isKeys={false} />
      </div>
    </dialog>
  );
}

interface WordsProps {
  readonly title: string;
  readonly rows: readonly (readonly [string, string])[];
  readonly isKeys: boolean;
}

function Words({ title, rows, isKeys }: WordsProps): JSX.Element {
  return (
    <section>
      <h3>{title}</h3>
      <dl class={isKeys ? "help-keys" : "shapes"}>
        {rows.map(([shown, means]) => (
          <div key={means}>
            <dt aria-hidden={isKeys ? undefined : "true"}>{isKeys ? <kbd>{shown}</kbd> : shown}</dt>
            <dd>{means}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** Every command; a press on its keys waits for the one that it shall have instead. */
function Keys({ app }: { readonly app: App }): JSX.Element {
  const waiting = useSignal<CommandName | null>(null);
  const told = useSignal("");
  const choices = app.keyChoices.value;
  const keep = (next: KeyChoices, words: string): void => {
    app.keyChoices.value = next;
    keepKeys(app.host, next);
    told.value = words;
  };
  const move = (name: CommandName, key: string): void => {
    const loser = commandsByKey(choices).get(key);
    const from =
      loser === undefined || loser === name ? "" : `, no longer: ${COMMAND_WORDS[loser]}`;
    const others = Object.entries(choices.moved).filter(([, own]) => own !== key);
    const moved = { ...Object.fromEntries(others), [name]: key };
    if (loser !== undefined && loser !== name && choices.moved[loser] === key) moved[loser] = "";
    keep({ ...choices, moved }, `${keyText(key)}: ${COMMAND_WORDS[name]}${from}.`);
  };
  const onKey = (name: CommandName, event: KeyboardEvent): void => {
    if (waiting.value !== name || event.key === "Tab") return;
    if (["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
    event.preventDefault();
    waiting.value = null;
    const key = keyName(event);
    if (event.key === "Escape") told.value = "Nothing was changed.";
    else if (event.key === "Backspace" || event.key === "Delete") {
      keep({ ...choices, moved: { ...choices.moved, [name]: "" } }, "It has no key now.");
    } else if (isFreeKey(key)) move(name, key);
    else told.value = `${keyText(key)} cannot be taken: use a letter, a digit or a sign.`;
  };
  return (
    <>
      <div class="key-tools">
        <label>
          <input
            type="checkbox"
            checked={choices.areLettersOff}
            onChange={({ currentTarget }) =>
              keep(
                { ...choices, areLettersOff: currentTarget.checked },
                currentTarget.checked ? "Single letters do nothing." : "Single letters work.",
              )
            }
          />{" "}
          Switch off letters, digits and signs
        </label>
        <button type="button" class="tool" onClick={() => keep(KEYS_AS_BUILT, "As built.")}>
          All keys as built
        </button>
        <p role="status">
          {waiting.value === null
            ? told.value
            : `Press a key for “${COMMAND_WORDS[waiting.value]}”; Del for none, Esc to leave it.`}
        </p>
      </div>
      <div class="key-groups">
        {groupedCommands().map(([title, names]) => (
          <section key={title}>
            <h3>{title}</h3>
            <ul>
              {names.map((name) => (
                <li key={name}>
                  <span id={`does-${name}`}>{COMMAND_WORDS[name]}</span>
                  <button
                    type="button"
                    id={`key-${name}`}
                    aria-labelledby={`does-${name} key-${name}`}
                    aria-pressed={waiting.value === name}
                    title="Press to give it another key"
                    onClick={() => {
                      waiting.value = name;
                    }}
                    onBlur={() => {
                      if (waiting.value === name) waiting.value = null;
                    }}
                    onKeyDown={(event) => onKey(name, event)}
                  >
                    <KeysOf keys={keysOf(name, choices)} />
                  </button>
                </li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </>
  );
}

function KeysOf({ keys }: { readonly keys: readonly string[] }): JSX.Element {
  if (keys.length === 0) return <span class="muted">no key</span>;
  return (
    <>
      {keys.map((key) => (
        <kbd key={key}>{keyText(key)}</kbd>
      ))}
    </>
  );
}
