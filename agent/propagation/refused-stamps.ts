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

  /** @param values of the header of a message from a sender that is not believed */
  add(values: string | readonly string[]): void {
    const { stamp } = readCarrier(values);
    if (stamp === undefined) return;
    if (this.#texts.size >= MAX_REFUSED) {
      for (const oldest of this.#texts) {
        this.#texts.delete(oldest);
        break;
      }
    }
    this.#texts.add(formatCarrier(stamp));
  }

  /** Whether `stamp` was refused a moment before. */
  has(stamp: Stamp): boolean {
    return this.#texts.size > 0 && this.#texts.has(formatCarrier(stamp));
  }
}
