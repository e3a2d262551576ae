/**
 * Which names stand for secrets: `password`, `apiKey`, `X-Auth-Token`, `db_passwd`.
 *
 * A name is split into words at what is no letter or digit and at capitals, and written small:
 *
 *     "X-Api-Key", "apiKey", "API_KEY", "myApiKey2"   ->   api key   ->   "apikey"
 *
 * A rule fits where words in a row make it up; so `token` fits `authToken` and not `tokens` (which are
 * counted, not kept), and `secret` does not fit `secretary`. Names that mean one thing wherever they
 * stand (`password`) fit inside a word too; some (`APITOKEN`, `DB_PASS`) at the end of a name alone. Linear
 * in the name, and no regular expressions.
 */

import { ownText } from "./texts.ts";

/** Fit wherever they stand, inside a word too. */
const ANYWHERE: readonly string[] = [
  ...["password", "passwd", "passphrase", "passcode", "credential", "authorization"],
  ...["apikey", "privatekey", "secretkey", "accesskey", "clientsecret", "connectionstring"],
  ...["accesstoken", "refreshtoken", "authtoken", "sessiontoken", "bearertoken", "idtoken"],
];
/** Fit as words. */
const WORDS: readonly string[] = [
  ...["secret", "secrets", "token", "cookie", "cookies", "setcookie", "pwd", "bearer", "jwt"],
  ...["otp", "cvv", "cvc", "ssn", "csrf", "xsrf", "signingkey", "encryptionkey", "sessionid"],
];
/** Fit where a name ends, whatever it was written together with: `apitoken`, `MYSECRET`, `PHPSESSID`. */
const ENDINGS: readonly string[] = ["secret", "token", "pwd", "sessid", "sessionid"];
/** Fit as a name's last word: `DB_PASS`, and not `passCount` or `bypass`. */
const LAST_WORDS: ReadonlySet<string> = new Set(["pass", "pw"]);

/** What is looked at of a longer name: so much from its start, and so much from its end. */
const MAX_HEAD = 256;
const MAX_TAIL = 64;
/** Names inside values are remembered with their answer, up to so many. */
const MAX_REMEMBERED = 4_096;

export class KeyRules {
  readonly #words: ReadonlySet<string>;
  readonly #kept: ReadonlySet<string>;
  readonly #longest: number;
  readonly #remembered = new Map<string, boolean>();

  /**
   * @param further names beside the built-in ones; they fit as words
   * @param kept names that no rule fits, though a built-in one would
   */
  constructor(further: readonly string[] = [], kept: readonly string[] = []) {
    this.#words = new Set([...WORDS, ...further.map(squeezed)].filter((word) => word !== ""));
    this.#kept = new Set(kept.map(squeezed));
    this.#longest = Math.max(...Array.from(this.#words, (word) => word.length));
  }

  /** Whether what stands under that name is a secret. Remembers the answer: for names that come again. */
  fits(name: string): boolean {
    if (name.length > MAX_HEAD) return this.fitsOnce(name);
    const known = this.#remembered.get(name);
    if (known !== undefined) return known;
    const answer = this.fitsOnce(name);
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(ownText(name), answer);
    return answer;
  }

  /** As `fits`, for names that hardly come again. */
  fitsOnce(name: string): boolean {
    const words = wordsOf(name);
    const whole = words.join("");
    if (this.#kept.has(whole)) return false;
    if (ANYWHERE.some((rule) => whole.includes(rule))) return true;
    if (ENDINGS.some((rule) => whole.endsWith(rule))) return true;
    if (LAST_WORDS.has(words.at(-1) ?? "")) return true;
    return words.some((_, start) => this.#fitsFrom(words, start));
  }

  #fitsFrom(words: readonly string[], start: number): boolean {
    let run = "";
    for (let i = start; i < words.length && run.length < this.#longest; i += 1) {
      run += words[i];
      if (this.#words.has(run)) return true;
    }
    return false;
  }
}

function squeezed(name: string): string {
  return wordsOf(name).join("");
}

function wordsOf(name: string): string[] {
  const text =
    name.length <= MAX_HEAD + MAX_TAIL
      ? name
      : `${name.slice(0, MAX_HEAD)} ${name.slice(-MAX_TAIL)}`;
  const words: string[] = [];
  let start = 0;
  for (let i = 0; i <= text.length; i += 1) {
    const kind = kindAt(text, i);
    const before = kindAt(text, i - 1);
    const isCapitalStart =
      kind === CAPITAL && (before !== CAPITAL || kindAt(text, i + 1) === SMALL);
    if (kind === before && !isCapitalStart) continue;
    if (kind === SMALL && before === CAPITAL) continue; // "Key": its capital begins the word
    if (before !== OTHER) words.push(text.slice(start, i).toLowerCase());
    start = i;
  }
  return words;
}

const OTHER = 0;
const SMALL = 1;
const CAPITAL = 2;
const DIGIT = 3;

function kindAt(text: string, at: number): number {
  const code = at < 0 || at >= text.length ? 0 : text.charCodeAt(at);
  if (code >= 97 && code <= 122) return SMALL;
  if (code >= 65 && code <= 90) return CAPITAL;
  if (code >= 48 && code <= 57) return DIGIT;
  return code > 127 ? SMALL : OTHER;
}
