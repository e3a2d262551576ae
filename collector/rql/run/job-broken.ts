/** The thread that evaluated a query is gone: out of memory, or by a bug of ours. */
export class JobBroken extends Error {
  override readonly name = "JobBroken";
  /** `out-of-memory`: the query needed more than its thread may hold. */
  readonly code: "out-of-memory" | "internal";

  constructor(code: JobBroken["code"], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
