/**
 * The setting `redact`: checked, with everything decided. What the rules do: state/redaction.ts.
 */
import { refuse as bad, show } from "./config-error.ts";
import type { LogRedaction, RedactAction, RedactionRules, ValueRule } from "./state/redaction.ts";

/** How one log is treated: an action for what rules find there, or with a list of what may be seen. */
export type LogRedactSetting =
  | RedactAction
  | {
      /** Default: that of all logs. */
      readonly action?: RedactAction;
      /** Variables that may be seen; all others are redacted, whatever they are called. */
      readonly allow?: readonly string[];
    };

/** What is redacted before it is kept. Built-in rules apply in any case, but where `"keep"` is said. */
export interface RedactSettings {
  /** What happens to what a rule finds. Default: `"mask"`. */
  readonly action?: RedactAction;
  /** Names of secrets, beside the built-in ones; `iban` fits `customerIban` and `IBAN`. */
  readonly keys?: readonly string[];
  /** Names that no rule finds, though a built-in one would. */
  readonly keepKeys?: readonly string[];
  /**
   * Rules for texts, beside the built-in ones: true means secret. They get at most 8.5 KiB, run at each
   * recorded text, and are the service's own: one that is slow makes recording slow, one that throws masks.
   */
  readonly values?: readonly ValueRule[];
  /** By log. */
  readonly logs?: Readonly<Record<string, LogRedactSetting>>;
  /** Key of hashes: at least 16 characters. Default: made up by each process. */
  readonly hashKey?: string;
}

/** Settings with everything decided. */
export interface RedactConfig extends RedactionRules {
  /** undefined: to be made up. */
  readonly hashKey: string | undefined;
}

const ACTIONS: readonly unknown[] = ["keep", "mask", "hash"] satisfies RedactAction[];
const FIELDS: readonly string[] = ["action", "keys", "keepKeys", "values", "logs", "hashKey"];
const LOG_FIELDS: readonly string[] = ["action", "allow"];
const MIN_HASH_KEY = 16;
const MAX_NAMES = 1_000;

/**
 * @param setting as given to `startAgent`
 * @throws RetroError `bad-config`, naming the field; never showing the key
 */
export function resolveRedact(
  setting: unknown,
  env: Readonly<Record<string, string | undefined>>,
): RedactConfig {
  const given = fieldsOf("redact", setting ?? {}, FIELDS);
  const action =
    given["action"] === undefined
      ? actionOf("RETROSCOPE_REDACT", env["RETROSCOPE_REDACT"] || "mask")
      : actionOf("redact.action", given["action"]);
  const fromEnv = (env["RETROSCOPE_REDACT_KEYS"] ?? "").split(",").filter((name) => name.trim());
  return {
    action,
    keys: names("redact.keys", given["keys"] ?? fromEnv),
    keepKeys: names("redact.keepKeys", given["keepKeys"] ?? []),
    values: valueRules(given["values"] ?? []),
    logs: logsOf(given["logs"] ?? {}, action),
    hashKey:
      given["hashKey"] === undefined
        ? hashKeyOf("RETROSCOPE_REDACT_KEY", env["RETROSCOPE_REDACT_KEY"] || undefined)
        : hashKeyOf("redact.hashKey", given["hashKey"]),
  };
}

function logsOf(value: unknown, otherwise: RedactAction): Record<string, LogRedaction> {
  const logs = Object.create(null) as Record<string, LogRedaction>;
  for (const [name, setting] of Object.entries(objectOf("redact.logs", value))) {
    const field = `redact.logs.${name}`;
    if (typeof setting === "string") {
      logs[name] = { action: actionOf(field, setting) };
      continue;
    }
    const own = fieldsOf(field, setting, LOG_FIELDS);
    const action = actionOf(`${field}.action`, own["action"] ?? otherwise);
    const allow = own["allow"] === undefined ? undefined : names(`${field}.allow`, own["allow"]);
    if (action === "keep" && allow !== undefined) {
      bad(`${field}.allow`, 'has no meaning with the action "keep"');
    }
    logs[name] = allow === undefined ? { action } : { action, allow };
  }
  return logs;
}

function actionOf(field: string, value: unknown): RedactAction {
  if (ACTIONS.includes(value)) return value as RedactAction;
  return bad(field, `must be "mask", "hash" or "keep", not ${show(value)}`);
}

function valueRules(value: unknown): readonly ValueRule[] {
  if (Array.isArray(value) && value.every((rule) => typeof rule === "function")) return value;
  return bad("redact.values", "must be a list of functions, each from a text to a boolean");
}

function hashKeyOf(field: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && value.length >= MIN_HASH_KEY) return value;
  return bad(field, `must be a text of at least ${MIN_HASH_KEY} characters`);
}

function names(field: string, value: unknown): readonly string[] {
  const isList = Array.isArray(value) && value.every((name) => typeof name === "string");
  if (isList && value.length <= MAX_NAMES) return value.map((name: string) => name.trim());
  return bad(field, `must be a list of at most ${MAX_NAMES} names`);
}

function fieldsOf(
  field: string,
  value: unknown,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  const object = objectOf(field, value);
  const unknown = Object.keys(object).find((name) => !known.includes(name));
  return unknown === undefined
    ? object
    : bad(`${field}.${unknown}`, "is not known", `Known are ${known.join(", ")}.`);
}

function objectOf(field: string, value: unknown): Readonly<Record<string, unknown>> {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : bad(field, "must be an object");
}
