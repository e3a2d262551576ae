/**
 * Redaction: what must not be kept is replaced before it enters the window, so neither memory, wire, old
 * values nor keyframes ever hold it.
 *
 *     key rules      the variable's name, its log's name, the keys inside a value     key-rules.ts
 *     value rules    texts that look like secrets, whatever they are called           value-rules.ts
 *
 * Per log, what a rule finds is kept, masked or hashed; a log with a list of allowed keys redacts all
 * others. Names themselves are kept: HAZARD: a map whose *keys* are tokens records them.
 *
 *     "(masked)"                       nothing is known of the value; under a key rule it is not even read
 *     "(hashed: 3uK9xYv0Qe2mB7ac)"     HMAC-SHA-256, 96 bits: equal values are equal under one key
 *     "(masked: 9dPq...)"              a member of a set: hashed with a key that this process made up and
 *                                      tells nobody, or members could not be told apart
 *
 * All are marked as values cut short are: they equal nothing real. A rule that throws masks.
 */
import { canonicalText, type Json } from "../kernel/index.ts";
import { KeyRules } from "./key-rules.ts";
import { STATE_LIMITS } from "./limits.ts";
import { looksSecret } from "./value-rules.ts";

export type RedactAction = "keep" | "mask" | "hash";

/** Says of a text whether it is to be redacted. */
export type ValueRule = (text: string) => boolean;

/** How one log is treated. */
export interface LogRedaction {
  readonly action: RedactAction;
  /** Variables that may be seen; all others are redacted. Absent: those that no rule finds. */
  readonly allow?: readonly string[];
}

/** What is redacted: decided, see redact-config.ts. */
export interface RedactionRules {
  /** For what a rule finds, in logs that are not named. */
  readonly action: RedactAction;
  /** Names beside the built-in ones. */
  readonly keys: readonly string[];
  /** Names that no rule finds. */
  readonly keepKeys: readonly string[];
  /** Rules beside the built-in ones. */
  readonly values: readonly ValueRule[];
  readonly logs: Readonly<Record<string, LogRedaction>>;
}

/** Keyed hash of a text, as text: a port, since this folder knows no Node. */
export type KeyedHash = (text: string) => string;

/** What happens to a variable's values. In a column of the table: see `VariableTable.treatment`. */
export const Treatment: {
  readonly keep: 0;
  readonly look: 1;
  readonly mask: 2;
  readonly hash: 3;
} = Object.freeze({ keep: 0, look: 1, mask: 2, hash: 3 });

export const MASKED = "(masked)";

/** Value rules look at so much of a text: what is kept of it, and a secret that begins in there. */
export const MAX_LOOKED_AT: number = STATE_LIMITS.valueBytes + 256;

const KEEP_ALL: RedactionRules = { action: "keep", keys: [], keepKeys: [], values: [], logs: {} };

export interface RedactionCounts {
  readonly masked: number;
  readonly hashed: number;
  /** Rules of the service's own that threw; each time the value was masked. */
  readonly ruleErrors: number;
}

export class Redaction {
  readonly #rules: RedactionRules;
  readonly #hash: KeyedHash;
  readonly #memberHash: KeyedHash;
  readonly #keys: KeyRules;
  #masked = 0;
  #hashed = 0;
  #ruleErrors = 0;

  /**
   * @param hash keyed as the service wants it
   * @param memberHash keyed with what this process made up
   */
  constructor(rules: RedactionRules, hash: KeyedHash, memberHash: KeyedHash) {
    this.#rules = rules;
    this.#hash = hash;
    this.#memberHash = memberHash;
    this.#keys = new KeyRules(rules.keys, rules.keepKeys);
  }

  /** Keeps everything. */
  static get none(): Redaction {
    return new Redaction(KEEP_ALL, String, String);
  }

  get counts(): RedactionCounts {
    return { masked: this.#masked, hashed: this.#hashed, ruleErrors: this.#ruleErrors };
  }

  /** The rules of one log. */
  forLog(name: string): LogRules {
    const { logs, action } = this.#rules;
    const own = Object.hasOwn(logs, name) ? logs[name] : undefined;
    const isSecret = own === undefined && action !== "keep" && this.#keys.fitsOnce(name);
    return new LogRules(this, own ?? { action, ...(isSecret ? { allow: [] } : {}) });
  }

  /**
   * A text of the service that belongs to no log: a mark, an operation. Masked as a whole if a value rule finds
   * it. HAZARD: a text that is cut first may carry the first half of a secret, which no rule knows any more.
   */
  text(text: string): string {
    if (this.#rules.action === "keep") return text;
    const looked = text.length > MAX_LOOKED_AT ? text.slice(0, MAX_LOOKED_AT) : text;
    return this.isSecretText(looked) ? this.mask() : text;
  }

  /** Texts under names, such as tags: masked where the name or the text is that of a secret. */
  texts(named: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    if (this.#rules.action === "keep") return named;
    return Object.fromEntries(
      Object.entries(named).map(([name, text]) => [
        name,
        this.isSecretName(name) ? this.mask() : this.text(text),
      ]),
    );
  }

  isSecretKey(name: string): boolean {
    return this.#keys.fits(name);
  }

  /** As `isSecretKey`, for names that hardly come again. */
  isSecretName(name: string): boolean {
    return this.#keys.fitsOnce(name);
  }

  isSecretText(text: string): boolean {
    if (looksSecret(text, this.#keys)) return true;
    return (
      this.#rules.values.length > 0 && this.#rules.values.some((rule) => this.#ask(rule, text))
    );
  }

  #ask(rule: ValueRule, text: string): boolean {
    try {
      return Boolean(rule(text));
    } catch {
      this.#ruleErrors += 1;
      return true;
    }
  }

  mask(): string {
    this.#masked += 1;
    return MASKED;
  }

  maskMember(member: Json): string {
    this.#masked += 1;
    return `(masked: ${this.#memberHash(canonicalText(member))})`;
  }

  hash(value: Json): string {
    this.#hashed += 1;
    return `(hashed: ${this.#hash(canonicalText(value))})`;
  }
}

/** Redaction as it applies to one log. */
export class LogRules {
  readonly #redaction: Redaction;
  readonly #allowed: ReadonlySet<string> | undefined;
  readonly action: RedactAction;

  constructor(redaction: Redaction, { action, allow }: LogRedaction) {
    this.#redaction = redaction;
    this.action = action;
    this.#allowed = allow === undefined ? undefined : new Set(allow);
  }

  /** What happens to the values of a variable. Asked once per variable. */
  treatmentOf(key: string): number {
    if (this.action === "keep") return Treatment.keep;
    const isSecret =
      this.#allowed === undefined ? this.#redaction.isSecretName(key) : !this.#allowed.has(key);
    return isSecret ? Treatment[this.action] : Treatment.look;
  }

  /** Whether what stands under a key inside a value is to be redacted. */
  isSecretKey(key: string): boolean {
    return this.#redaction.isSecretKey(key);
  }

  /** As `isSecretKey`, for a text that may be anything. */
  isSecretName(name: string): boolean {
    return this.#redaction.isSecretName(name);
  }

  isSecretText(text: string): boolean {
    return this.#redaction.isSecretText(text);
  }

  /** In the value's place, where it is masked. */
  mask(): string {
    return this.#redaction.mask();
  }

  /** In a value's place: hashed if that is the log's action, else masked. */
  redacted(value: Json): string {
    return this.action === "hash" ? this.#redaction.hash(value) : this.#redaction.mask();
  }

  /** In a set, where masked members must stay as many as they are. */
  redactedMember(member: Json): string {
    return this.action === "hash"
      ? this.#redaction.hash(member)
      : this.#redaction.maskMember(member);
  }
}
