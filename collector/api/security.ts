/**
 * Guards against other people's web pages. Loopback is no wall: any page in a browser on this machine
 * can send requests to it, and by DNS rebinding (a name of the page's own that suddenly points to
 * 127.0.0.1) could even read the answers.
 *
 * - The `Host` of a request must name loopback itself. A rebound name is still the page's own name.
 * - An `Origin`, where one is sent, must be ours: scheme, host and port as in `Host`. No CORS header is
 *   ever sent.
 * - Answers carry a policy that lets a page load from here only, with no inline code (helmet).
 */
import type { IncomingMessage } from "node:http";
import helmet from "helmet";
import { RetroError } from "../../agent/kernel/index.ts";

/** Whether a name or address can only mean this machine. An address of 127.0.0.0/8 cannot be rebound. */
export function isLoopbackName(name: string): boolean {
  const plain = name.toLowerCase();
  if (plain === "localhost" || plain === "::1" || plain === "[::1]") return true;
  const bytes = /^127\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(plain);
  return bytes?.slice(1).every((byte) => Number(byte) <= 255) ?? false;
}

/** @throws RetroError `forbidden` for a request that a foreign page may have sent */
export function checkOrigin(request: IncomingMessage): void {
  const host = request.headers.host ?? "";
  const name = /^(\[[^\]]*\]|[^:]*)(?::\d{1,5})?$/.exec(host)?.[1] ?? "";
  if (!isLoopbackName(name)) {
    throw forbidden(
      `this collector does not answer as ${JSON.stringify(host.slice(0, 80))}`,
      "Ask it at http://127.0.0.1 or http://localhost and its port.",
    );
  }
  const origin = request.headers.origin;
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
    throw forbidden(
      `pages of ${JSON.stringify(origin.slice(0, 80))} may not ask this collector`,
      "Open the collector's own address, or ask without a browser.",
    );
  }
}

/** Headers of every answer that express gives. */
export function securityHeaders(): ReturnType<typeof helmet> {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
        "require-trusted-types-for": ["'script'"],
      },
    },
    // Plain HTTP on loopback: a promise of HTTPS would lock people out.
    strictTransportSecurity: false,
    referrerPolicy: { policy: "no-referrer" },
  });
}

function forbidden(message: string, hint: string): RetroError {
  return new RetroError("forbidden", message, { hint });
}
