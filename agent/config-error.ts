/** A mistake of settings, as it is thrown: it names the setting, and its message says what to write instead. */
import { RetroError } from "./kernel/index.ts";

/**
 * @param field the option, or the variable of the environment that it came from
 * @throws RetroError `bad-config`, always. The hint is part of the message too: most loggers show no other field.
 */
export function refuse(field: string, what: string, hint?: string): never {
  const message = `${field} ${what}`;
  throw new RetroError("bad-config", hint === undefined ? message : `${message}. ${hint}`, {
    details: { field },
    ...(hint === undefined ? {} : { hint }),
  });
}

/** A value as it is shown in such a message. */
export function show(value: unknown): string {
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 80);
  } catch {
    return `a ${typeof value}`; // a bigint, or what holds itself
  }
}
