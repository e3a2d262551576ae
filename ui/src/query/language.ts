/**
 * What the page asks of the language: an interface, since the parser and the editor are large and come
 * only when Query is opened first (rql/rql-language.ts).
 */
import type { Hlc } from "../../../agent/kernel/index.ts";
import type { WarningLine } from "../../../collector/api/query-shapes.ts";
import type { Pin } from "../model/choices.ts";
import type { KnownNames } from "./known-names.ts";
import type { Fix, Problem } from "./problem.ts";

/** A text that the collector takes as a monitor, and what had to go. */
export interface MonitorDraft {
  readonly text: string;
  /** As written: `ON TIME "-10m" TO "now"`, `FIRST 3`. */
  readonly removed: readonly string[];
}

/** A query to begin with, and what it finds. */
export interface ExampleQuery {
  readonly text: string;
  readonly why: string;
}

/** What one query of a text was given as its range, by its place in the text. */
export interface GivenRange {
  readonly from: Hlc;
  readonly to: Hlc;
}

export interface EditorOptions {
  readonly text: string;
  /** For assistive technology. */
  readonly label: string;
  readonly names: () => KnownNames;
  readonly onChange: (text: string) => void;
  readonly onRun: () => void;
  /** Esc where nothing of the editor's own is open; whether it did something. */
  readonly onEscape: () => boolean;
}

/** The editor on screen. */
export interface RqlEditor {
  /** Replaces the text where it differs; the cursor stays as far as it can. */
  setText(text: string): void;
  /** Underlines these. */
  setProblems(problems: readonly Problem[]): void;
  /** Puts a fix in, as an edit that can be undone. */
  apply(fix: Fix): void;
  /** Puts the cursor there. */
  select(start: number, end: number): void;
  focus(): void;
  close(): void;
}

export interface Language {
  /** The first thing that the parser refuses; null: it can be read. */
  problemIn(text: string): Problem | null;
  /** A refusal of the collector, with a fix where its hint holds one. */
  refusalIn(
    text: string,
    refusal: {
      readonly code: string;
      readonly message: string;
      readonly hint: string | undefined;
      readonly line: number;
      readonly column: number;
      readonly length: number;
    },
  ): Problem;
  warningIn(text: string, warning: WarningLine): Problem;
  /** Null where the text cannot be read, or holds several queries. */
  asMonitor(text: string): MonitorDraft | null;
  /** The text with the times that depend on when it is read (`-10m`, `now`) written out. */
  withAbsoluteTimes(text: string, given: readonly (GivenRange | undefined)[]): string;
  /** Variables that the text names, in the order in which it does. */
  variablesNamed(text: string, names: KnownNames): readonly Pin[];
  /** Made of what is recorded; none where nothing is. */
  examples(names: KnownNames): readonly ExampleQuery[];
  openEditor(place: HTMLElement, options: EditorOptions): RqlEditor;
}
