import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { Addressees, Ledger } from './ledger.js'
import type { Random } from './random.js'

/** After how long a publisher gives an answer up, in milliseconds. */
const answerMs = 10_000

/** What publishers are made from. */
export interface PublisherOptions {
  readonly ledger: Ledger
  /** Where it may push to: URLs. */
  readonly urls: readonly string[]
  /** What share of the pushes has keys; one without is never repeated once its answer is uncertain. */
  readonly keyed: number
}

interface Answer {
  /** 0 where none came. */
  readonly status: number
  readonly text: string
}

/**
 * A good publisher: each event has a key, and a push whose answer is no 202 is repeated with it, at any
 * node, until it is accepted. From then on the ledger has it.
 */
export class Publisher {
  /** Pushes that were accepted, and attempts that were not, by their status (0: no answer). */
  accepted = 0
  readonly refused = new Map<number, number>()
  readonly failures: string[] = []
  readonly #options: PublisherOptions
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 })

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** Pushes events of these sizes (in bytes) to these, as one push; resolves once it is accepted. */
  async push(to: Addressees, sizes: readonly number[], random: Random): Promise<void> {
    const { ledger, urls, keyed } = this.#options
    const known = ledger.newest
    const first = ledger.begin(sizes.length)
    const hasKeys = random.next() < keyed
    const events = sizes.map((size, index) => ({
      ...(to.users.length > 0 ? { user: to.users } : { topic: to.topics }),
      data: { n: first + index, filler: 'x'.repeat(size) },
      ...(hasKeys ? { key: `event ${first + index}` } : {}),
    }))
    for (let attempt = 0; ; attempt++) {
      const { status, text } = await this.#post(random.of(urls), events)
      if (status === 202) {
        this.#note(text, first, to, known)
        return
      }
      this.refused.set(status, (this.refused.get(status) ?? 0) + 1)
      const isSettled = status === 503 && !text.includes('RINGCAST_UNCERTAIN')
      const isWrong = status !== 0 && status !== 503 && status !== 502
      if (isWrong || (!hasKeys && !isSettled)) {
        this.failures.push(`a push was answered ${status}: ${text.slice(0, 200)}`)
        return
      }
      await pause(random.between(50, 100 * 2 ** Math.min(attempt, 3)))
    }
  }

  /** Lets its connections go. */
  close(): void {
    this.#agent.destroy()
  }

  #note(text: string, first: number, { topics, users }: Addressees, known: number): void {
    this.accepted++
    const { id, ids = [] } = JSON.parse(text) as { id?: string; ids?: string[] }
    const all = id === undefined ? ids : [id]
    for (const [index, each] of all.entries()) {
      this.#options.ledger.accept({ id: each, number: first + index, topics, users }, known)
    }
  }

  #post(url: string, events: readonly object[]): Promise<Answer> {
    const isLines = events.length > 1 && events.length % 2 === 0
    const body = isLines
      ? events.map((event) => `${JSON.stringify(event)}\n`).join('')
      : JSON.stringify(events.length === 1 ? events[0] : events)
    const headers = { 'content-type': isLines ? 'application/x-ndjson' : 'application/json' }
    return new Promise((resolve) => {
      const none = (): void => {
        resolve({ status: 0, text: '' })
      }
      const options = { method: 'POST', headers, agent: this.#agent, timeout: answerMs }
      const outgoing = request(`${url}/api/push`, options, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => (text += part))
        response.on('error', none)
        response.on('end', () => {
          resolve({ status: response.complete ? response.statusCode! : 0, text })
        })
      })
      outgoing.on('timeout', () => outgoing.destroy())
      outgoing.on('error', none)
      outgoing.end(body)
    })
  }
}
