/**
 * The stamps that a hook did not believe, since their sender is no friend. OpenTelemetry's propagators
 * see a message's headers but not whence it came: without this they would merge what the hook on the
 * server refused a moment before.
 *
 * Both look at the same message in the same turn, or, of Kafka's batches, soon after. Stamps are compared, not
 * headers: Node joins the values of a header that came several times.
 */
import { formatCarrier, readCarrier } from "./carrier.ts";
import type { Stamp } from "./recorder.ts";

/** Stamps kept; beyond, the oldest is forgotten. As many as a batch of small Kafka messages holds. */
const MAX_REFUSED = 16_384;

export class RefusedStamps {
  readonly #texts = new Set<string>();
  /** The same, in the order in which they came: see spent-stamps.ts. */
  readonly #ring: string[] = [];
  #at = 0;

  /** @param values of the header of a message from a sender that is not believed */
  add(values: string | readonly string[]): void {
    const { stamp } = readCarrier(values);
    if (stamp === undefined) return;
    const text = formatCarrier(stamp);
    if (this.#texts.has(text)) return;
    if (this.#texts.size >= MAX_REFUSED) this.#texts.delete(this.#ring[this.#at] as string);
    this.#texts.add(text);
    this.#ring[this.#at] = text;
    this.#at = (this.#at + 1) % MAX_REFUSED;
  }

  /** Whether `stamp` was refused a moment before. */
  has(stamp: Stamp): boolean {
    return this.#texts.size > 0 && this.#texts.has(formatCarrier(stamp));
  }
}
