/** What something lives as long as: a test, or anything else that has an end. */
export interface Lifetime {
  /** Has this done at the end; the last that was asked for first. */
  teardown(work: () => unknown): void
}
