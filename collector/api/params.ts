/**
 * Reads the parameters of a question, strictly: what is not known, given twice or out of range is an
 * error that names it and says what is accepted. A typo must never pass for "no filter".
 */
import {
  EVENT_KINDS,
  type EventKind,
  type Hlc,
  parseDurationMs,
  parseHlc,
  parseTime,
  RetroError,
} from "../../agent/kernel/index.ts";
import type { Selection } from "../cut/history.ts";
import { nearestNames } from "../cut/selection.ts";

export const DEFAULT_LIMIT = 1_000;
export const MAX_LIMIT = 10_000;
export const MAX_WAIT_MS = 60_000;
/** How often one parameter may be repeated. */
export const MAX_REPEATS = 1_000;

const REPEATABLE: ReadonlySet<string> = new Set(["node", "service", "log", "key", "kind"]);
/** What narrows a question to a part of the system. */
export const SELECTION_PARAMS = ["node", "service", "log", "key"] as const;

/** A closed range of time. */
export interface TimeRange {
  readonly from: Hlc;
  readonly to: Hlc;
}

export class Params {
  readonly #search: URLSearchParams;
  readonly #now: Hlc;

  /**
   * @param url path and search of the request
   * @param now the collector's clock, for `now` and relative times
   * @throws RetroError `bad-parameter` for a parameter that is not accepted or repeated in vain
   */
  constructor(url: string, accepted: readonly string[], now: Hlc) {
    const start = url.indexOf("?");
    this.#search = new URLSearchParams(start < 0 ? "" : url.slice(start + 1));
    this.#now = now;
    for (const name of new Set(this.#search.keys())) {
      if (!accepted.includes(name)) throw unknownParameter(name, accepted);
      const count = this.#search.getAll(name).length;
      const most = REPEATABLE.has(name) ? MAX_REPEATS : 1;
      if (count > most) {
        throw badParameter(
          `${name} is given ${count} times`,
          most === 1 ? `Give ${name} once.` : `Repeat ${name} at most ${most} times.`,
        );
      }
    }
  }

  /** The text of a parameter; undefined if it is not given. */
  text(name: string): string | undefined {
    return this.#search.get(name) ?? undefined;
  }

  /** @throws RetroError `bad-parameter` if it is not given */
  requiredText(name: string, hint: string): string {
    const text = this.text(name);
    if (text === undefined) throw badParameter(`${name} is missing`, hint);
    return text;
  }

  /** A parameter that may be repeated elsewhere but must be given once here. */
  single(name: string): string {
    const [text, ...more] = this.texts(name);
    if (text !== undefined && more.length === 0) return text;
    throw badParameter(
      text === undefined ? `${name} is missing` : `${name} is given ${more.length + 1} times`,
      `Name one ${name}.`,
    );
  }

  texts(name: string): readonly string[] {
    return this.#search.getAll(name);
  }

  /** A time in any form. @throws RetroError `bad-time`, naming the parameter */
  time(name: string): Hlc | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    // A leading plus arrives as a space; inside a time parseTime knows of it.
    const typed = /^ \d+(\.\d+)?[a-z]+$/.test(text) ? `+${text.slice(1)}` : text;
    return named(name, () => parseTime(typed, this.#now));
  }

  requiredTime(name: string): Hlc {
    this.requiredText(name, `Name a time: ${name}=-5s, ${name}=now, ISO 8601 or a hex stamp.`);
    return this.time(name) as Hlc;
  }

  /** `from` and `to`, with defaults for those not given. @throws if `from` is later than `to` */
  range(defaults: TimeRange): TimeRange {
    const from = this.time("from");
    const to = this.time("to");
    const range = {
      from: from ?? (Math.min(defaults.from, to ?? defaults.from) as Hlc),
      to: to ?? (Math.max(defaults.to, from ?? defaults.to) as Hlc),
    };
    if (range.from > range.to) throw fromAfterTo();
    return range;
  }

  requiredRange(): TimeRange {
    const range = { from: this.requiredTime("from"), to: this.requiredTime("to") };
    if (range.from > range.to) throw fromAfterTo();
    return range;
  }

  /** A whole number in [min, max]. */
  integer(name: string, bounds: { min: number; max: number; otherwise: number }): number {
    const text = this.text(name);
    if (text === undefined) return bounds.otherwise;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= bounds.min && value <= bounds.max) return value;
    throw badParameter(
      `${name} is not a whole number from ${bounds.min} to ${bounds.max}: ${quoted(text)}`,
      `Leave ${name} out to get ${bounds.otherwise}.`,
    );
  }

  limit(): number {
    return this.integer("limit", { min: 1, max: MAX_LIMIT, otherwise: DEFAULT_LIMIT });
  }

  flag(name: string): boolean {
    return this.oneOf(name, ["true", "false"], "false") === "true";
  }

  oneOf<Choice extends string>(
    name: string,
    choices: readonly Choice[],
    otherwise: Choice,
  ): Choice {
    const text = this.text(name);
    if (text === undefined) return otherwise;
    const choice = choices.find((one) => one === text);
    if (choice === undefined) {
      throw badParameter(
        `${name} cannot be ${quoted(text)}`,
        `Use ${name}=${choices.join(` or ${name}=`)}.`,
      );
    }
    return choice;
  }

  /** How long to hold the answer; 0 if not asked for. At most 60 s. */
  waitMs(): number {
    const text = this.text("wait");
    if (text === undefined) return 0;
    const waitMs = named("wait", () => parseDurationMs(text));
    if (waitMs > MAX_WAIT_MS) {
      throw badParameter(`wait is longer than 60s: ${quoted(text)}`, "Use at most wait=60s.");
    }
    return waitMs;
  }

  selection(): Selection {
    return {
      nodes: this.texts("node"),
      services: this.texts("service"),
      logs: this.texts("log"),
      keys: this.texts("key"),
    };
  }

  kinds(): readonly EventKind[] {
    return this.texts("kind").map((text) => {
      const kind = EVENT_KINDS.find((one) => one === text);
      if (kind !== undefined) return kind;
      throw badParameter(
        `kind cannot be ${quoted(text)}`,
        `The kinds are ${nearestNames(text, EVENT_KINDS).join(", ")}.`,
      );
    });
  }

  /** The cursor of a page that ended at a time. */
  timeCursor(): Hlc | undefined {
    const text = this.text("cursor");
    if (text === undefined) return undefined;
    const t = parseHlc(text);
    if (t === undefined) throw badCursor(text);
    return t;
  }
}

export function badCursor(text: string): RetroError {
  return badParameter(
    `not a cursor of this question: ${quoted(text)}`,
    "Pass the `next` of the page before, with the same question.",
  );
}

function badParameter(message: string, hint: string): RetroError {
  return new RetroError("bad-parameter", message, { hint });
}

function unknownParameter(name: string, accepted: readonly string[]): RetroError {
  const list = nearestNames(name, accepted);
  return new RetroError("bad-parameter", `unknown parameter ${quoted(name)}`, {
    hint: list.length === 0 ? "This path takes none." : `This path takes ${list.join(", ")}.`,
    details: { accepted: list },
  });
}

function fromAfterTo(): RetroError {
  return badParameter("from is later than to", "Exchange the two.");
}

/** Names the parameter in what a parser says about its text. */
function named<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RetroError)) throw error;
    throw new RetroError(error.code, `${name}: ${error.message}`, {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
