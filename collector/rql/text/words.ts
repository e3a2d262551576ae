/** The words of the language, and how a word that is none is answered. */
import { editDistance } from "../../../agent/kernel/index.ts";

/** Never names unless in backticks, whatever their case. */
export const RESERVED: ReadonlySet<string> = new Set([
  ...["SELECT", "FROM", "COMPUTE", "WHEN", "AT", "ON", "EXPLAIN"],
  ...["AND", "OR", "NOT", "IN", "NOTIN", "ISSUBSET", "ISPROPSUBSET", "UNION", "INTERSECT"],
  ...["EXISTS", "FORALL", "FOREACH", "TRUE", "FALSE", "NULL"],
]);

/** Keywords in their place only; elsewhere names like any other. */
export const CONTEXTUAL: ReadonlySet<string> = new Set([
  ...["AS", "NODES", "ALL_NODES", "TIME", "TO", "GROUP", "BY", "SERVICE", "EACH", "CHANGE"],
  ...["FIRST", "LAST", "COUNT", "LIMIT", "FOR", "LEAST", "THEN", "WITHIN", "FOLLOWED"],
  ...["VAR", "GLOBAL", "OUT", "IS", "UNKNOWN"],
]);

/** Words that differ by at most this many characters are offered. */
const NEAR = 2;
/** Known names that a word is compared with: the first so many. */
const NAMES_COMPARED = 2_000;
/** Names listed in one message. */
export const NAMES_LISTED = 20;

/** Upper case for ASCII words, else "": no letter of another script may turn into a keyword. */
export function keywordForm(name: string): string {
  return /^[A-Za-z_]+$/.test(name) ? name.toUpperCase() : "";
}

/** Whether a name can be written without backticks. */
export function isPlainName(name: string): boolean {
  const word = keywordForm(name);
  return /^[\p{L}_][\p{L}\p{Nd}_]*$/u.test(name) && !RESERVED.has(word) && !CONTEXTUAL.has(word);
}

/** The known words within two characters of `word`, any case, nearest first. */
export function nearWords(word: string, known: Iterable<string>): string[] {
  return (
    ranked(word, known)
      // A word of which nothing stays is not misspelt.
      .filter(
        ({ name, distance }) => distance <= NEAR && distance < Math.max(word.length, name.length),
      )
      .map(({ name }) => name)
  );
}

/** The known names, nearest first, and the one that was probably meant. Compares once. */
export function lookUp(
  word: string,
  known: Iterable<string>,
): { readonly names: readonly string[]; readonly near: string | undefined } {
  const all = ranked(word, known);
  const near = all.find(({ name, distance }) => isNear(word, name, distance))?.name;
  return { names: all.slice(0, NAMES_LISTED).map(({ name }) => name), near };
}

/** The known names, nearest to `word` first, at most `NAMES_LISTED`. */
export function namesNearestFirst(word: string, known: Iterable<string>): string[] {
  return ranked(word, known)
    .slice(0, NAMES_LISTED)
    .map(({ name }) => name);
}

/** "did you mean X?", or undefined. */
export function didYouMean(word: string, known: Iterable<string>): string | undefined {
  const [nearest] = nearWords(word, known);
  return nearest === undefined ? undefined : `did you mean ${nearest}?`;
}

/** A word of which nothing stays is not misspelt. */
function isNear(word: string, name: string, distance: number): boolean {
  return distance <= NEAR && distance < Math.max(word.length, name.length);
}

function ranked(word: string, known: Iterable<string>): { name: string; distance: number }[] {
  const asked = word.toLowerCase();
  const compared: string[] = [];
  for (const name of known) {
    if (compared.length === NAMES_COMPARED) break;
    compared.push(name);
  }
  return compared
    .map((name) => ({ name, distance: distanceTo(asked, name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
}

/** Long words are not compared: a hostile one would cost its length times that of every name. */
function distanceTo(word: string, name: string): number {
  const apart = Math.abs(word.length - name.length);
  return apart > NEAR ? apart + NEAR : editDistance(word, name);
}
