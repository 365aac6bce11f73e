/** What a side can be called for, by name: an argument and an answer, both of which pass through JSON. */
export type Calls<T> = { readonly [N in keyof T]: (argument: never) => unknown }

type Argument<F> = F extends (argument: infer A) => unknown ? A : never
type Answer<F> = F extends (argument: never) => infer R ? Awaited<R> : never

/** What goes over the line: a call, or its answer. A call without an `id` wants no answer. */
interface Message {
  readonly id?: number
  readonly call?: string
  readonly argument?: unknown
  readonly answer?: unknown
  readonly error?: string
}

interface Pending {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
}

/** Calls over the line between the primary and a worker, in both directions. */
export class Channel<Theirs extends Calls<Theirs>, Mine extends Calls<Mine>> {
  readonly #send: (message: object) => void
  readonly #mine: Mine
  readonly #pending = new Map<number, Pending>()
  #calls = 0
  #closed = false

  /**
   * @param send hands a message to the line; what cannot be sent is lost.
   * @param mine what the other side may call.
   */
  constructor(send: (message: object) => void, mine: Mine) {
    this.#send = send
    this.#mine = mine
  }

  /** Calls the other side. Rejects with what it threw, and when the line is closed. */
  call<N extends keyof Theirs & string>(
    name: N,
    argument: Argument<Theirs[N]>,
  ): Promise<Answer<Theirs[N]>> {
    if (this.#closed) return Promise.reject(new Error('the other process is gone'))
    return new Promise((resolve, reject) => {
      const id = ++this.#calls
      this.#pending.set(id, { resolve: resolve as Pending['resolve'], reject })
      this.#send({ id, call: name, argument })
    })
  }

  /** Calls the other side, and does not wait for its answer. */
  tell<N extends keyof Theirs & string>(name: N, argument: Argument<Theirs[N]>): void {
    if (!this.#closed) this.#send({ call: name, argument })
  }

  /** Takes what came over the line. */
  receive(message: unknown): void {
    const { id, call, argument, answer, error } = message as Message
    if (call !== undefined) {
      void this.#answer(call as keyof Mine, argument as never, id)
      return
    }
    const pending = this.#pending.get(id!)
    this.#pending.delete(id!)
    if (error === undefined) pending?.resolve(answer)
    else pending?.reject(new Error(error))
  }

  /** The line is closed: what is still waited for does not come. */
  close(): void {
    this.#closed = true
    for (const { reject } of this.#pending.values()) reject(new Error('the other process is gone'))
    this.#pending.clear()
  }

  async #answer(call: keyof Mine, argument: never, id: number | undefined): Promise<void> {
    try {
      const answer = await this.#mine[call](argument)
      if (id !== undefined) this.#send({ id, answer })
    } catch (error) {
      if (id !== undefined) this.#send({ id, error: (error as Error).message })
    }
  }
}
