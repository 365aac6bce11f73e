import type { Lifetime } from '../helpers/lifetime.js'

/** What has to be undone at the end of a run, however that ends. */
export class Cleanup implements Lifetime {
  readonly #work: (() => unknown)[] = []

  teardown(work: () => unknown): void {
    this.#work.push(work)
  }

  /** Does it all, the last first; what fails keeps nothing else from being done. */
  async run(): Promise<readonly unknown[]> {
    const errors: unknown[] = []
    for (const work of this.#work.splice(0).reverse()) {
      try {
        await work()
      } catch (error) {
        errors.push(error)
      }
    }
    return errors
  }
}
