/**
 * The names under which requests are recorded: method and route pattern, never an address, so that they are few.
 *
 *     GET, /carts/:id             -> `GET /carts/:id`
 *     GET, /items/:item, mounted  -> `GET *` and `/items/:item` at once: where a router is mounted stands
 *                                    the address, with whatever names and numbers it holds
 *     GET, no router said one     -> `GET *`
 *
 * At most MAX_OPERATIONS are told apart per node; all others are `other`. A name is made once: making it, and
 * looking through it for secrets, took longer than timing the request.
 */

/** Operations told apart per node. */
export const MAX_OPERATIONS = 64;
const OTHER = "other";

export class OperationNames {
  readonly #treat: (operation: string) => string;
  /** By raw name: the name recorded. */
  readonly #names = new Map<string, string>();
  /** By method, then by pattern. Mounted ones apart. */
  readonly #ofPattern = new Map<string, Map<string | undefined, string>>();
  readonly #ofMounted = new Map<string, Map<string | undefined, string>>();

  /** @param treat takes what must not be recorded out of a name */
  constructor(treat: (operation: string) => string = (operation) => operation) {
    this.#treat = treat;
  }

  /** @param pattern of the route; undefined: nobody routed it, or not by a text */
  nameOf(method: string, pattern: string | undefined, isMounted: boolean): string {
    const known = isMounted ? this.#ofMounted : this.#ofPattern;
    return known.get(method)?.get(pattern) ?? this.#make(known, method, pattern, isMounted);
  }

  #make(
    known: Map<string, Map<string | undefined, string>>,
    method: string,
    pattern: string | undefined,
    isMounted: boolean,
  ): string {
    const raw =
      pattern === undefined ? `${method} *` : `${method} ${isMounted ? "*" : ""}${pattern}`;
    const name = this.#names.get(raw);
    if (name === undefined && this.#names.size >= MAX_OPERATIONS) return OTHER;
    const made = name ?? this.#treat(raw);
    this.#names.set(raw, made);
    const ofMethod = known.get(method);
    if (ofMethod === undefined) known.set(method, new Map([[pattern, made]]));
    else ofMethod.set(pattern, made);
    return made;
  }
}
