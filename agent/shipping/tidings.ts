/**
 * What travels in a status until the collector has heard it: reports of captures, and triggers. Each
 * status that carries some has a number; when a batch with it is acknowledged, what was in it is done.
 */
import {
  type CaptureReport,
  formatHlc,
  type Hlc,
  MAX_CAPTURE_REPORTS,
  MAX_TRIGGERS,
  type TriggerRequest,
} from "../kernel/index.ts";

/** Taken at most this often; the others are counted. */
export const MIN_TRIGGER_MS = 1_000;

interface Tiding<T> {
  readonly what: T;
  /** The first status that carries it has a higher number. */
  readonly after: number;
}

export class Tidings {
  #reports: readonly Tiding<CaptureReport>[] = [];
  #triggers: readonly Tiding<TriggerRequest>[] = [];
  #told = 0;
  #triggerCount = 0;
  #nextTriggerMs = 0;
  #refusedTriggerCount = 0;

  get isEmpty(): boolean {
    return this.#reports.length === 0 && this.#triggers.length === 0;
  }

  /** Whether something is new since the last status. */
  get hasNews(): boolean {
    return [...this.#reports, ...this.#triggers].some(({ after }) => after === this.#told);
  }

  /** Triggers not taken: too soon after another, or too many waiting. */
  get refusedTriggerCount(): number {
    return this.#refusedTriggerCount;
  }

  /** Reports on a capture; past the bound the oldest report goes. */
  report(what: CaptureReport): void {
    this.#reports = [...this.#reports, { what, after: this.#told }].slice(-MAX_CAPTURE_REPORTS);
  }

  /** Whether it was taken. `epoch`: of the first event of this process, so that ids are never used again. */
  trigger(t: Hlc, reason: string, epoch: number, nowMs: number): boolean {
    if (nowMs < this.#nextTriggerMs || this.#triggers.length >= MAX_TRIGGERS) {
      this.#refusedTriggerCount += 1;
      return false;
    }
    this.#nextTriggerMs = nowMs + MIN_TRIGGER_MS;
    this.#triggerCount += 1;
    const what = { id: `${epoch}-${this.#triggerCount}`, t: formatHlc(t), reason };
    this.#triggers = [...this.#triggers, { what, after: this.#told }];
    return true;
  }

  /** For a status, with the number to acknowledge. */
  tell(): {
    readonly number: number;
    readonly captures?: readonly CaptureReport[];
    readonly triggers?: readonly TriggerRequest[];
  } {
    if (this.isEmpty) return { number: 0 };
    this.#told += 1;
    const captures = this.#reports.map(({ what }) => what);
    const triggers = this.#triggers.map(({ what }) => what);
    return {
      number: this.#told,
      ...(captures.length === 0 ? {} : { captures }),
      ...(triggers.length === 0 ? {} : { triggers }),
    };
  }

  /** The status of that number did not arrive: what was in it is news again. */
  notHeard(number: number): void {
    const again = <T>(one: Tiding<T>): Tiding<T> =>
      one.after < number ? { ...one, after: this.#told } : one;
    this.#reports = this.#reports.map(again);
    this.#triggers = this.#triggers.map(again);
  }

  /**
   * The status of that number came under an epoch that must be left, and may have been left aside: its
   * triggers go out with the next one (told twice is told once: they have ids). They are no news, which
   * would be sent at once, and left aside at once, until the new epoch begins. Reports on captures go out with
   * it too, but without the seqs that they named: those of the new epoch are others. What was shipped may
   * not be there, and whoever asked waits for some word.
   */
  disowned(number: number): void {
    this.#reports = this.#reports.map((one) =>
      one.after < number ? { ...one, what: withoutSeqs(one.what) } : one,
    );
  }

  /** The status of that number was heard. 0: there was nothing in it. */
  heard(number: number): void {
    this.#reports = this.#reports.filter(({ after }) => after >= number);
    this.#triggers = this.#triggers.filter(({ after }) => after >= number);
  }
}

function withoutSeqs({ firstSeq: _, lastSeq: __, ...report }: CaptureReport): CaptureReport {
  return report.state === "shipped" ? { ...report, state: "partial" } : report;
}
