/**
 * Everything about the query of this page: what is typed, what is wrong with it, what was asked and
 * answered, and which row one stands on.
 *
 *     typed ─▶ problems: the parser's at once, the collector's after a pause
 *       │ Ctrl+Enter
 *       ▼
 *     choices.query ─▶ QueryRun ─▶ rows ─▶ panel, ruler, minimap, lanes
 *       ▲ a link                     │ N, P, click
 *                                    ▼
 *                                 choices.hit, the cut
 *
 * What is typed is not part of a link, what was asked is: opening a link runs it, so that its rows are
 * there again.
 */
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { SchemaJson } from "../../../collector/api/shapes.ts";
import type { ApiClient } from "../api/client.ts";
import { RequestSlot } from "../api/request-slot.ts";
import type { Host } from "../host.ts";
import type { Verbs } from "../model/actions.ts";
import { type Choices, MAX_PINS, type Pin } from "../model/choices.ts";
import { clockText } from "../scale/time-words.ts";
import { type KnownNames, NO_NAMES, readSchema } from "./known-names.ts";
import type { Language } from "./language.ts";
import { checkNames, type NameCheck } from "./name-check.ts";
import { type AskedQuery, sameQuestion } from "./names.ts";
import type { Problem } from "./problem.ts";
import { QueryRun } from "./query-run.ts";
import type { ResultRow } from "./row-book.ts";
import { mayBeMore, nextPlace, positionText } from "./walk-rows.ts";

/** So long after the last key the collector is asked about names. */
export const CHECK_PAUSE_MS = 400;

export interface DeskParts {
  readonly host: Host;
  readonly client: ApiClient;
  readonly choices: Choices;
  readonly verbs: Verbs;
  /** Loads parser and editor; once. */
  readonly loadLanguage: () => Promise<Language>;
}

export class QueryDesk {
  readonly #parts: DeskParts;
  readonly #language: Signal<Language | null> = signal(null);
  readonly #isLanguageMissing: Signal<boolean> = signal(false);
  #isLoading = false;
  #cancelCheck: () => void = () => {};
  /** What was answered last, as a link asks it. */
  readonly #answeredLink: ReadonlySignal<AskedQuery | null>;
  readonly #trackText: ReadonlySignal<string>;
  /** What stands in the editor. */
  readonly draft: Signal<string> = signal("");
  /** Whether the next run searches what is in view only. */
  readonly isViewOnly: Signal<boolean> = signal(false);
  readonly run: QueryRun;
  readonly check: RequestSlot<string, NameCheck>;
  readonly schema: RequestSlot<null, KnownNames>;
  /** What is wrong with the draft: one thing at a time while it cannot be read, then all warnings. */
  readonly problems: ReadonlySignal<readonly Problem[]>;
  /** In the order of time; the same array while nothing has come. */
  readonly rows: ReadonlySignal<readonly ResultRow[]>;
  /** The place of the chosen row; undefined where there is none, or it has not come yet. */
  readonly place: ReadonlySignal<number | undefined>;
  /** Variables that the answered text names, at most three: drawn where nothing is pinned. */
  readonly tracks: ReadonlySignal<readonly Pin[]>;
  /** Whether there may be rows that are not here. */
  readonly isMore: ReadonlySignal<boolean>;
  /** The question as a link carries it: with times that mean the same tomorrow. */
  readonly linkedQuery: ReadonlySignal<AskedQuery | null>;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    const { host, client, choices } = parts;
    this.run = new QueryRun(host, client);
    this.check = new RequestSlot(host, (text: string, abort: AbortSignal) =>
      checkNames(client, text, abort),
    );
    this.schema = new RequestSlot(host, (_: null, abort: AbortSignal) =>
      client.get<SchemaJson>("/api/schema", {}, abort).then(readSchema),
    );
    this.problems = computed(() => this.#problems());
    this.rows = computed(() => {
      const result = this.run.result.value;
      // A copy, so that who compares by identity notices what has come.
      return result === null ? [] : result.book.rows.slice();
    });
    this.place = computed(() => {
      const name = choices.hit.value;
      const result = this.run.result.value;
      return name === null ? undefined : result?.book.placeOf(name);
    });
    // As text, so that rows that come lay out no lanes anew.
    this.#trackText = computed(() => JSON.stringify(this.#tracks()));
    this.tracks = computed(() => JSON.parse(this.#trackText.value) as Pin[]);
    this.#answeredLink = computed(() => {
      const result = this.run.result.value;
      const language = this.#language.value;
      if (result === null || language === null) return null;
      const { asked, book } = result;
      return { ...asked, text: language.withAbsoluteTimes(asked.text, book.parts) };
    });
    this.linkedQuery = computed(() => {
      const asked = choices.query.value;
      const answered = this.run.result.value?.asked ?? null;
      return asked !== null && sameQuestion(asked, answered) ? this.#answeredLink.value : asked;
    });
    this.isMore = computed(() => {
      const parts = this.run.result.value?.book.parts;
      const isWhole = parts?.every(({ end }) => end?.status === "done") ?? false;
      return mayBeMore(this.run.phase.value, isWhole);
    });
  }

  get language(): ReadonlySignal<Language | null> {
    return this.#language;
  }
  /** Whether parser and editor could not be loaded. */
  get isLanguageMissing(): ReadonlySignal<boolean> {
    return this.#isLanguageMissing;
  }
  get names(): KnownNames {
    return this.schema.answered.peek()?.answer ?? NO_NAMES;
  }

  /** Loads what the panel needs; again only after a failure. */
  open(): void {
    if (this.schema.answered.peek() === null && !this.schema.pending.peek()) this.schema.ask(null);
    if (this.#language.peek() !== null || this.#isLoading) return;
    this.#isLoading = true;
    this.#isLanguageMissing.value = false;
    this.#parts.loadLanguage().then(
      (language) => {
        this.#isLoading = false;
        this.#language.value = language;
      },
      () => {
        this.#isLoading = false;
        this.#isLanguageMissing.value = true;
      },
    );
  }

  /** What was typed; the collector is asked about it when nothing more is. */
  type(text: string): void {
    if (text === this.draft.peek()) return;
    this.draft.value = text;
    this.#cancelCheck();
    this.#cancelCheck = this.#parts.host.after(CHECK_PAUSE_MS, () => this.#askCheck());
  }

  /** Runs what is typed. */
  submit(): void {
    const { choices } = this.#parts;
    const text = this.draft.peek();
    if (text.trim() === "") return;
    const range = this.isViewOnly.peek() ? choices.viewport.peek() : null;
    const asked = { text, range };
    batch(() => {
      choices.query.value = asked;
      choices.hit.value = null;
      this.run.ask(asked);
    });
    this.schema.ask(null);
  }

  /** What a link asks, in place of what was asked; nothing where it is the same. */
  show(asked: AskedQuery | null): void {
    if (asked === null) {
      if (this.run.asked.peek() !== null) this.run.clear();
      return;
    }
    const link = this.#answeredLink.peek();
    if (sameQuestion(asked, this.run.asked.peek()) || sameQuestion(asked, link)) return;
    this.open();
    batch(() => {
      this.type(asked.text);
      this.isViewOnly.value = asked.range !== null;
      this.run.ask(asked);
    });
  }

  /** Closes the connection; whether anything ran. */
  cancel(): boolean {
    const wasRunning = this.run.cancel();
    if (wasRunning) this.#parts.verbs.say("Query cancelled. The rows so far stay.");
    return wasRunning;
  }

  /** Forgets question, rows and marks; what is typed stays. */
  clear(): void {
    batch(() => {
      this.#parts.choices.query.value = null;
      this.#parts.choices.hit.value = null;
    });
  }

  /** To the next row after the cut, or the one before it. */
  walk(direction: 1 | -1): void {
    const { choices, verbs } = this.#parts;
    const rows = this.rows.peek();
    const place = nextPlace(rows, this.place.peek(), choices.cut.peek(), direction);
    if (place === undefined) {
      verbs.say(rows.length === 0 ? "No query has rows." : "No more rows that way.");
      return;
    }
    this.goTo(rows[place] as ResultRow);
  }

  /** Puts the cut at the beginning of a row and keeps it as the chosen one. */
  goTo({ query, service, n, from }: ResultRow): void {
    const { choices, verbs } = this.#parts;
    batch(() => {
      choices.hit.value = { query, service, n };
      verbs.moveCut(from, true);
    });
    verbs.say(`Row ${this.positionText()}, ${clockText(from)}.`);
  }

  /** `12 of 340+`. */
  positionText(): string {
    const rows = this.rows.value;
    return positionText(this.place.value, rows.length, this.isMore.value);
  }

  #askCheck(): void {
    const text = this.draft.peek();
    const isRead = this.#language.peek()?.problemIn(text) === null;
    if (isRead && text.trim() !== "") this.check.ask(text);
  }

  #problems(): readonly Problem[] {
    const text = this.draft.value;
    const language = this.#language.value;
    if (language === null || text.trim() === "") return [];
    const syntax = language.problemIn(text);
    if (syntax !== null) return [syntax];
    const checked = this.check.answered.value;
    if (checked?.question === text) return checkedProblems(language, text, checked.answer);
    const failure = this.run.failure.value;
    const isOurs = this.run.asked.value?.text === text && failure?.place !== undefined;
    if (!isOurs || failure?.place === undefined) return [];
    const { code, message, hint, place } = failure;
    return [language.refusalIn(text, { code, message, hint, ...place })];
  }

  #tracks(): readonly Pin[] {
    const result = this.run.result.value;
    const names = this.schema.answered.value?.answer;
    const language = this.#language.value;
    if (result === null || names === undefined || language === null) return [];
    return language.variablesNamed(result.asked.text, names).slice(0, MAX_PINS);
  }
}

function checkedProblems(
  language: Language,
  text: string,
  { refusal, warnings }: NameCheck,
): readonly Problem[] {
  if (refusal?.place !== undefined) {
    const { code, message, hint, place } = refusal;
    return [language.refusalIn(text, { code, message, hint, ...place })];
  }
  return warnings.map((warning) => language.warningIn(text, warning));
}
