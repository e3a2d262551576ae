/**
 * The language, as the page knows it (query/language.ts): the engine's parser and the editor over it. The
 * one door of this folder, loaded when Query is opened first.
 */
import { formatHlcDisplay } from "../../../agent/kernel/index.ts";
import type { Language } from "../query/language.ts";
import { openEditor } from "./editor.ts";
import { examplesFor } from "./examples.ts";
import { problemOf } from "./fixes.ts";
import { asMonitor, withAbsoluteTimes } from "./monitor-text.ts";
import { variablesNamed } from "./named-variables.ts";
import { readText } from "./reading.ts";

export const rqlLanguage: Language = {
  problemIn(text) {
    const { error } = readText(text);
    return error === null ? null : problemOf("error", text, error);
  },
  refusalIn: (text, refusal) => problemOf("error", text, refusal),
  warningIn: (text, warning) => problemOf("warning", text, warning),
  asMonitor,
  withAbsoluteTimes: (text, given) => withAbsoluteTimes(text, given, formatHlcDisplay),
  variablesNamed,
  examples: examplesFor,
  openEditor,
};
