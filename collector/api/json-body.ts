/** What routes that take JSON share: its type, and the times in it. */
import type { Request, RequestHandler } from "express";
import { type Hlc, parseTime, RetroError } from "../../agent/kernel/index.ts";

/** A web page can send other types without asking first (security.ts). */
export const refuseOtherTypes: RequestHandler = (request, _response, next) => {
  const type = typeOf(request);
  if (type === "application/json") return next();
  throw new RetroError("unsupported-media-type", `content-type ${type || "(none)"} is not served`, {
    hint: "Send application/json.",
  });
};

function typeOf(request: Request): string {
  return (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** A field that is a time. @throws RetroError `bad-parameter`, `bad-time` */
export function timeOf(fields: Readonly<Record<string, unknown>>, name: string, now: Hlc): Hlc {
  const value = fields[name];
  if (value === undefined) throw bad(`${name} is missing`, `Name a time: "${name}": "-5s".`);
  if (typeof value !== "string" && typeof value !== "number") {
    throw bad(`${name} is no time`, "Give a text, or Unix milliseconds.");
  }
  try {
    return parseTime(String(value), now);
  } catch (error) {
    if (!(error instanceof RetroError)) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new RetroError(error.code, `${name}: ${error.message}`, { cause: error, ...hint });
  }
}

export function bad(message: string, hint: string): RetroError {
  return new RetroError("bad-parameter", message, { hint });
}
