/**
 * Which texts look like secrets, whatever they are called: a token (JWT), a payment card's number, an
 * `Authorization` header, a private key, a key of a cloud, a password in a URL, `password=...`,
 * `password: 'x'`.
 *
 * Each looks at each character a bounded number of times: no regular expression, so no text makes one
 * run away. Numbers are not looked at (a timestamp in microseconds may pass for a card), texts only.
 */
import type { KeyRules } from "./key-rules.ts";

/** Shorter texts hold none of these. */
const MIN_LENGTH = 8;
/** Signs that begin a secret, and how many characters of its alphabet follow at least. */
const PREFIXES: ReadonlyArray<readonly [start: string, least: number]> = [
  ["AKIA", 16], // access key of AWS
  ["ASIA", 16],
  ["ghp_", 30], // GitHub
  ["gho_", 30],
  ["ghs_", 30],
  ["github_pat_", 30],
  ["glpat-", 18], // GitLab
  ["xoxb-", 16], // Slack
  ["xoxp-", 16],
  ["sk_live_", 16], // Stripe
  ["rk_live_", 16],
  ["AIza", 35], // Google
  ["npm_", 36],
  ["sk_test_", 16],
  ["sk-", 32], // OpenAI, Anthropic
  ["sk-proj-", 12],
  ["sk-ant-", 12],
];
const JWT_START = "eyJ";
const MIN_JWT_PART = 8;
/** How cards' numbers begin, and how long they are. */
const CARDS: ReadonlyArray<readonly [start: string, lengths: readonly number[]]> = [
  ["4", [13, 16, 19]],
  ...["51", "52", "53", "54", "55", "22", "23", "24", "25", "26", "27", "35"].map(
    (start) => [start, [16]] as const,
  ),
  ...["34", "37"].map((start) => [start, [15]] as const),
  ...["30", "36", "38"].map((start) => [start, [14]] as const),
  ...["60", "62", "64", "65"].map((start) => [start, [16, 17, 18, 19]] as const),
];
const MAX_CARD_DIGITS = 19;
/** A name before `=` is looked at so far back. */
const MAX_NAME = 64;
/** The shortest names that mean secrets have so many letters. */
const MIN_NAME = 3;
/** The shortest value behind a name and a colon, unless quoted, and the shortest bearer's token. */
const MIN_VALUE = 6;

/** What a text must have for a rule to be worth asking: found in one look at each character. */
const Trait: {
  readonly equals: 1;
  readonly colon: 2;
  readonly at: 4;
  readonly quote: 8;
  readonly space: 16;
  readonly dot: 32;
} = { equals: 1, colon: 2, at: 4, quote: 8, space: 16, dot: 32 };
/** By character: its trait. */
const TRAITS = new Uint8Array(128);
TRAITS[61] = Trait.equals;
TRAITS[58] = Trait.colon;
TRAITS[64] = Trait.at;
TRAITS[34] = Trait.quote;
TRAITS[39] = Trait.quote;
TRAITS[32] = Trait.space;
TRAITS[46] = Trait.dot;
const MIN_CARD_DIGITS = 13;
/** The shortest of PREFIXES with what follows. */
const MIN_KEY_LENGTH = 18;

/** Whether a text, or a part of it, looks like a secret. Linear in the text. */
export function looksSecret(text: string, keys: KeyRules): boolean {
  if (text.length < MIN_LENGTH) return false;
  let traits = 0;
  let digits = 0;
  let run = 0;
  let longestRun = 0;
  let hasKey = false;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (isTokenCode(code)) {
      if (isDigit(code)) digits += 1;
      run += 1;
      if (run > longestRun) longestRun = run;
      if (run === MIN_KEY_LENGTH) hasKey ||= isKey(text, i + 1 - run);
    } else {
      run = 0;
      if (code < 128) traits |= TRAITS[code] as number;
    }
  }
  return (
    hasKey ||
    ((traits & Trait.dot) !== 0 && hasJwt(text)) ||
    ((traits & Trait.space) !== 0 && longestRun >= MIN_VALUE && hasAuthorization(text)) ||
    ((traits & Trait.space) !== 0 &&
      text.includes("PRIVATE KEY-----") &&
      text.includes("-----BEGIN ")) ||
    ((traits & Trait.at) !== 0 && hasPasswordInUrl(text)) ||
    (mayAssign(traits) && hasAssignment(text, keys)) ||
    (digits >= MIN_CARD_DIGITS && hasCardNumber(text))
  );
}

function mayAssign(traits: number): boolean {
  return (traits & (Trait.equals | Trait.colon)) !== 0;
}

/** Whether the run of token characters that begins here is a key: PREFIXES are made of such characters. */
function isKey(text: string, from: number): boolean {
  for (const [start, least] of PREFIXES) {
    if (!text.startsWith(start, from)) continue;
    const enough = from + start.length + least;
    if (tokenEnd(text, from, enough) === enough) return true;
  }
  return false;
}

/** `eyJhbGciOi... . eyJzdWIiOi...`: a header and a body, both JSON in base64url. */
function hasJwt(text: string): boolean {
  let at = text.indexOf(JWT_START);
  while (at >= 0) {
    const dot = tokenEnd(text, at);
    if (
      dot - at >= MIN_JWT_PART &&
      text[dot] === "." &&
      tokenEnd(text, dot + 1) - dot > MIN_JWT_PART
    ) {
      return true;
    }
    at = text.indexOf(JWT_START, Math.max(dot, at + 1));
  }
  return false;
}

const BEARERS: readonly string[] = ["Bearer ", "bearer ", "BEARER "];
/** Behind the header's name. */
const SCHEMES: readonly string[] = [": Basic ", ": basic ", ": Token "];

/** `Basic ...` as a whole header or behind its name, `Bearer ...` anywhere. */
function hasAuthorization(text: string): boolean {
  if (text.slice(0, 6).toLowerCase() === "basic " && isCredentials(text, 6)) return true;
  return (
    BEARERS.some((scheme) => hasBehind(text, scheme, isBearer)) ||
    SCHEMES.some((scheme) => hasBehind(text, scheme, isCredentials))
  );
}

function hasBehind(
  text: string,
  scheme: string,
  fits: (text: string, start: number, at: number) => boolean,
): boolean {
  let at = text.indexOf(scheme);
  while (at >= 0 && !fits(text, at + scheme.length, at)) {
    at = text.indexOf(scheme, at + scheme.length);
  }
  return at >= 0;
}

/** As a whole value or a header's, whatever it is made of; inside a sentence ("the bearer knows") no plain word. */
function isBearer(text: string, start: number, at: number): boolean {
  const end = tokenEnd(text, start);
  if (end - start < MIN_VALUE) return false;
  const isWhole = at === 0 && end === text.length;
  return isWhole || text.startsWith(": ", at - 2) || isMixed(text, start, end);
}

/** "Basic configuration" is none: credentials have a digit, a capital inside or an end mark. */
function isCredentials(text: string, start: number): boolean {
  const end = tokenEnd(text, start);
  return end - start >= MIN_LENGTH && isMixed(text, start, end);
}

/** `postgres://user:password@host` */
function hasPasswordInUrl(text: string): boolean {
  let at = text.indexOf("://");
  while (at >= 0) {
    let colon = -1;
    let i = at + 3;
    for (; i < text.length; i += 1) {
      const char = text[i] as string;
      if (char === ":" && colon < 0) colon = i;
      else if (char === "@") {
        if (colon >= 0 && i - colon > 1) return true;
        break;
      } else if (char === "/" || char === " " || char === "?" || char === "#") break;
    }
    at = text.indexOf("://", Math.max(i, at + 3));
  }
  return false;
}

/** `...?access_token=x`, `Password=x;`, `{"password":"x"}`, `{ password: 'x' }`, `password: x1` in a text. */
function hasAssignment(text: string, keys: KeyRules): boolean {
  let lastEnd = 0;
  for (let at = nextAssignment(text, 1); at >= 0; at = nextAssignment(text, at + 1)) {
    const isQuoted = text[at] === ":" && isQuote(text[at - 1]);
    if (text[at] === ":" && !isQuoted && !isValue(text, at + 1)) continue;
    const quoted = isQuoted ? (text[at - 2] === "\\" ? 2 : 1) : 0;
    const end = at - quoted - (text[at - 1] === " " ? 1 : 0);
    let start = end;
    const limit = Math.max(lastEnd, end - MAX_NAME);
    while (start > limit && isTokenCode(text.charCodeAt(start - 1))) start -= 1;
    lastEnd = at;
    const next = text[at + 1];
    if (
      end - start >= MIN_NAME &&
      next !== undefined &&
      next !== "&" &&
      next !== ";" &&
      next !== "="
    ) {
      if (keys.fits(text.slice(start, end))) return true;
    }
  }
  return false;
}

/** Behind a bare name and a colon: quoted, or no plain word, so "password: must be longer" holds none. */
function isValue(text: string, from: number): boolean {
  const start = text[from] === " " ? from + 1 : from;
  if (isQuote(text[start])) return true;
  const end = Math.min(tokenEnd(text, start), start + MAX_NAME);
  return end - start >= MIN_VALUE && isMixed(text, start, end);
}

function isQuote(char: string | undefined): boolean {
  return char === '"' || char === "'";
}

function nextAssignment(text: string, from: number): number {
  for (let i = from; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === 61 || code === 58) return i;
  }
  return -1;
}

/** 13 to 19 digits, single spaces or dashes between, that begin and add up as cards' do. */
function hasCardNumber(text: string): boolean {
  let digits = "";
  for (let i = 0; i <= text.length; i += 1) {
    const code = i < text.length ? text.charCodeAt(i) : 0;
    if (isDigit(code)) {
      // Longer ones are no card; what is kept of them stays short.
      if (digits.length <= MAX_CARD_DIGITS) digits += text[i];
    } else if (digits === "" || (code !== 32 && code !== 45) || !isDigit(text.charCodeAt(i + 1))) {
      if (isCardNumber(digits)) return true;
      digits = "";
    }
  }
  return false;
}

function isCardNumber(digits: string): boolean {
  if (
    !CARDS.some(([start, lengths]) => digits.startsWith(start) && lengths.includes(digits.length))
  )
    return false;
  let sum = 0;
  for (let i = 0; i < digits.length; i += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** Where the run of token characters ends that goes on at `from`, looked at up to `limit`. */
function tokenEnd(text: string, from: number, limit: number = text.length): number {
  const last = Math.min(limit, text.length);
  let end = from;
  while (end < last && isTokenCode(text.charCodeAt(end))) end += 1;
  return end;
}

/** Letters, digits, `-`, `_`, and what base64 has beside: `+`, `/`. */
function isTokenCode(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    isDigit(code) ||
    code === 45 ||
    code === 95 ||
    code === 43 ||
    code === 47
  );
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isMixed(text: string, start: number, end: number): boolean {
  if (text[end] === "=" || text[end] === ".") return true;
  for (let i = start + 1; i < end; i += 1) {
    const code = text.charCodeAt(i);
    if (isDigit(code) || (code >= 65 && code <= 90) || code === 95) return true;
  }
  return false;
}
