/**
 * One loop for all canvases: whoever changes something marks a layer, and the next frame paints the
 * marked ones once. Nothing runs while nothing is marked.
 */
import type { Host } from "../host.ts";

/** Frame times kept for measuring. */
const KEPT_FRAMES = 600;

export class FrameLoop {
  readonly #host: Pick<Host, "frame" | "nowMs">;
  readonly #painters = new Map<string, () => void>();
  readonly #dirty = new Set<string>();
  readonly #scriptMs: number[] = [];
  #isScheduled = false;
  #frameCount = 0;

  constructor(host: Pick<Host, "frame" | "nowMs">) {
    this.#host = host;
  }

  /** Layers are painted in the order in which they were added. The answer removes the layer. */
  add(layer: string, paint: () => void): () => void {
    this.#painters.set(layer, paint);
    this.mark(layer);
    return () => {
      this.#painters.delete(layer);
      this.#dirty.delete(layer);
    };
  }

  mark(...layers: readonly string[]): void {
    for (const layer of layers) this.#dirty.add(layer);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#host.frame(() => this.#paint());
  }

  markAll(): void {
    this.mark(...this.#painters.keys());
  }

  /** Milliseconds of script in the latest frames, oldest first. */
  get scriptMs(): readonly number[] {
    return this.#scriptMs;
  }
  get frameCount(): number {
    return this.#frameCount;
  }
  get isIdle(): boolean {
    return !this.#isScheduled;
  }

  #paint(): void {
    this.#isScheduled = false;
    const start = this.#host.nowMs();
    const marked = [...this.#painters].filter(([layer]) => this.#dirty.has(layer));
    this.#dirty.clear();
    for (const [, paint] of marked) paint();
    this.#frameCount += 1;
    this.#scriptMs.push(this.#host.nowMs() - start);
    if (this.#scriptMs.length > KEPT_FRAMES) this.#scriptMs.shift();
  }
}
