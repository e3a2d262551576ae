/**
 * The editor's looks. CodeMirror makes a style sheet of its own; in a shadow root it is *adopted*, which
 * the page's policy (`style-src 'self'`) allows, where a style element would be refused. The page's
 * colours reach into a shadow root as variables, and nothing else does.
 */
import { EditorView } from "@codemirror/view";

export const editorTheme: ReturnType<typeof EditorView.theme> = EditorView.theme({
  "&": {
    color: "var(--text)",
    backgroundColor: "var(--ground)",
    border: "1px solid var(--control-line)",
    borderRadius: "6px",
    fontSize: "12.5px",
  },
  "&.cm-focused": {
    outline: "2px solid var(--accent)",
    outlineOffset: "0",
  },
  ".cm-scroller": {
    fontFamily: 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace',
    lineHeight: "1.55",
    minHeight: "66px",
    maxHeight: "260px",
    overflow: "auto",
  },
  ".cm-content": { padding: "8px 0", caretColor: "var(--text)" },
  ".cm-line": { padding: "0 10px" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-placeholder": { color: "var(--muted)" },
  ".rql-keyword": { color: "var(--accent)", fontWeight: "600" },
  ".rql-function": { color: "var(--rql-function)" },
  ".rql-number": { color: "var(--rql-number)" },
  ".rql-string": { color: "var(--good)" },
  ".rql-comment": { color: "var(--muted)", fontStyle: "italic" },
  ".rql-invalid": { color: "var(--warning)" },
  ".rql-error": {
    textDecoration: "underline wavy var(--error-line)",
    textDecorationSkipInk: "none",
    textUnderlineOffset: "3px",
  },
  ".rql-warning": {
    textDecoration: "underline dotted var(--warning)",
    textDecorationThickness: "2px",
    textDecorationSkipInk: "none",
    textUnderlineOffset: "3px",
  },
  ".cm-tooltip": {
    color: "var(--text)",
    backgroundColor: "var(--raised)",
    border: "1px solid var(--line)",
    borderRadius: "6px",
    boxShadow: "var(--shadow)",
    overflow: "hidden",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": {
    fontFamily: "inherit",
    maxHeight: "220px",
    maxWidth: "min(420px, 90vw)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": {
    display: "flex",
    gap: "14px",
    justifyContent: "space-between",
    padding: "3px 10px",
    lineHeight: "1.5",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": {
    color: "var(--on-accent)",
    backgroundColor: "var(--accent)",
  },
  ".cm-completionLabel": { flex: "none" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionDetail": {
    marginLeft: "0",
    fontStyle: "normal",
    color: "var(--muted)",
    overflow: "hidden",
    textOverflow: "ellipsis",
    whiteSpace: "nowrap",
  },
  "li[aria-selected] .cm-completionDetail": { color: "inherit" },
});
