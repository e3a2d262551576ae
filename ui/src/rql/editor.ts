/**
 * The editor: CodeMirror in a shadow root, which keeps its style sheet within the page's policy and the
 * page's styles out of it. Colours, underlines and completion come from the engine's own lexer and
 * parser; the editor adds keys and drawing.
 *
 *     Ctrl+Enter  run        Ctrl+.  apply the nearest fix        Esc  close the list, else cancel
 *
 * Tab leaves it, as it leaves every field.
 */
import { autocompletion, type CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { EditorState, type Extension, Prec, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, keymap, placeholder } from "@codemirror/view";
import type { EditorOptions, RqlEditor } from "../query/language.ts";
import { type Fix, fixAt, type Problem } from "../query/problem.ts";
import { completionsAt, type Offer } from "./completions.ts";
import { editorTheme } from "./editor-theme.ts";
import { colouredTokens, type TokenKind } from "./tokens.ts";

/** What stands in an empty editor. */
const EXAMPLE = "SELECT … FROM … WHEN …   (Ctrl+Space: what may come next)";

const setProblems = StateEffect.define<readonly Problem[]>();

const MARKS: ReadonlyMap<TokenKind, Decoration> = new Map(
  (["keyword", "function", "number", "string", "comment", "invalid"] as const).map((kind) => [
    kind,
    Decoration.mark({ class: `rql-${kind}` }),
  ]),
);

const colours = StateField.define<DecorationSet>({
  create: (state) => coloured(state.doc.toString()),
  update: (value, transaction) =>
    transaction.docChanged ? coloured(transaction.newDoc.toString()) : value,
  provide: (field) => EditorView.decorations.from(field),
});

function coloured(text: string): DecorationSet {
  return Decoration.set(
    colouredTokens(text).flatMap(({ kind, start, end }) => {
      const mark = MARKS.get(kind);
      return mark === undefined ? [] : [mark.range(start, end)];
    }),
  );
}

/** Problems move with the text until the next are told. */
const problemField = StateField.define<{
  readonly problems: readonly Problem[];
  readonly underlines: DecorationSet;
}>({
  create: () => ({ problems: [], underlines: Decoration.none }),
  update(value, transaction) {
    for (const effect of transaction.effects) {
      if (effect.is(setProblems)) {
        const length = transaction.newDoc.length;
        return { problems: effect.value, underlines: underlined(effect.value, length) };
      }
    }
    if (!transaction.docChanged) return value;
    return { problems: [], underlines: value.underlines.map(transaction.changes) };
  },
  provide: (field) => EditorView.decorations.from(field, ({ underlines }) => underlines),
});

function underlined(problems: readonly Problem[], length: number): DecorationSet {
  const marks = problems.flatMap(({ severity, start, end, message }) => {
    // What is missing at the end of the text is shown below its last letter.
    const to = Math.min(length, Math.max(end, start + 1));
    const from = Math.min(start, to - 1);
    if (from < 0) return [];
    const attributes = { title: message };
    return [Decoration.mark({ class: `rql-${severity}`, attributes }).range(from, to)];
  });
  return Decoration.set(marks, true);
}

/** Opens it inside `place`, which must hold nothing else. */
export function openEditor(place: HTMLElement, options: EditorOptions): RqlEditor {
  const root = place.shadowRoot ?? place.attachShadow({ mode: "open" });
  const view = new EditorView({
    state: EditorState.create({ doc: options.text, extensions: extensionsFor(options) }),
    parent: root,
    root,
  });
  return {
    setText(text) {
      const { doc, selection } = view.state;
      if (doc.toString() === text) return;
      const insert = view.state.toText(text);
      const anchor = Math.min(selection.main.head, insert.length);
      view.dispatch({ changes: { from: 0, to: doc.length, insert }, selection: { anchor } });
    },
    setProblems(problems) {
      view.dispatch({ effects: setProblems.of(problems) });
    },
    apply: (fix) => apply(view, fix),
    select(start, end) {
      const { length } = view.state.doc;
      const selection = { anchor: Math.min(start, length), head: Math.min(end, length) };
      view.dispatch({ selection, scrollIntoView: true });
      view.focus();
    },
    focus: () => view.focus(),
    close: () => view.destroy(),
  };
}

function extensionsFor(options: EditorOptions): Extension {
  return [
    history(),
    colours,
    problemField,
    editorTheme,
    EditorView.lineWrapping,
    placeholder(EXAMPLE),
    EditorView.contentAttributes.of({
      "aria-label": options.label,
      spellcheck: "false",
      autocorrect: "off",
      autocapitalize: "off",
    }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) options.onChange(update.state.doc.toString());
    }),
    autocompletion({
      icons: false,
      override: [
        ({ state, pos, explicit, view }) =>
          // What was typed last may be asked about when the focus is elsewhere already.
          view?.hasFocus === false
            ? null
            : offered(state.doc.toString(), pos, explicit, options.names()),
      ],
    }),
    EditorView.domEventHandlers({ beforeinput: replaceSelected }),
    Prec.high(
      keymap.of([
        { key: "Mod-Enter", run: () => done(options.onRun) },
        { key: "Mod-.", run: (view) => applyNearest(view) },
      ]),
    ),
    keymap.of([
      { key: "Escape", run: () => options.onEscape() },
      ...defaultKeymap,
      ...historyKeymap,
    ]),
  ];
}

/**
 * Typing over a selection, done here: the browser would keep the look of what it removes in a style
 * attribute, which the page's policy refuses.
 */
function replaceSelected(event: InputEvent, view: EditorView): boolean {
  const { inputType, data } = event;
  if (inputType !== "insertText" || data === null || view.composing) return false;
  if (view.state.selection.main.empty) return false;
  event.preventDefault();
  view.dispatch(view.state.replaceSelection(data), {
    userEvent: "input.type",
    scrollIntoView: true,
  });
  return true;
}

function done(run: () => void): boolean {
  run();
  return true;
}

function applyNearest(view: EditorView): boolean {
  const { problems } = view.state.field(problemField);
  const fix = fixAt(problems, view.state.selection.main.head);
  if (fix !== null) apply(view, fix);
  return fix !== null;
}

function apply(view: EditorView, { start, end, insert }: Fix): void {
  const { length } = view.state.doc;
  if (end > length) return;
  view.dispatch({
    changes: { from: start, to: end, insert },
    selection: { anchor: start + insert.length },
    scrollIntoView: true,
    userEvent: "input.complete",
  });
  view.focus();
}

/** While typing only inside a word; elsewhere when it is asked for. */
function offered(
  text: string,
  at: number,
  isAsked: boolean,
  names: ReturnType<EditorOptions["names"]>,
): CompletionResult | null {
  const found = completionsAt(text, at, names);
  if (found === null || (!isAsked && found.from === at)) return null;
  const labels = found.offers.map(({ label }) => label.toLowerCase());
  /** A word that is whole already, and begins no other, needs no list. */
  const isWhole = (word: string): boolean => {
    const typed = word.toLowerCase();
    return labels.includes(typed) && labels.every((one) => one === typed || !one.startsWith(typed));
  };
  if (!isAsked && isWhole(text.slice(found.from, at))) return null;
  return {
    from: found.from,
    options: found.offers.map((offer) => ({
      label: offer.label,
      apply: offer.insert,
      detail: offer.detail,
      type: offer.kind,
      boost: BOOST[offer.kind],
    })),
    validFor: (word) => /^[\p{L}\p{Nd}_]*$/u.test(word) && !isWhole(word),
  };
}

/** What is recorded comes before what the language has. */
const BOOST: Readonly<Record<Offer["kind"], number>> = {
  variable: 3,
  log: 3,
  node: 3,
  time: 2,
  function: 0,
  keyword: 1,
};
