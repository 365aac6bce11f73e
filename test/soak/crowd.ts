import { heavyTopic } from './faults.js'
import type { Addressees, Ledger, Wants } from './ledger.js'
import type { Random } from './random.js'
import { Subscriber, type SubscriberOptions } from './subscriber.js'

/** The subscribers of a scenario, by what they do. */
export interface Crowd {
  /** They stay connected. */
  readonly steady: readonly Subscriber[]
  /** They come and go. */
  readonly churning: readonly Subscriber[]
  /** They are told what is heavy, and stop reading now and then. */
  readonly slow: readonly Subscriber[]
  /** They come over a way that is cut now and then. */
  readonly remote: readonly Subscriber[]
}

const users = ['ann', 'ben', 'cleo', 'dan']

/** What subscribers ask for. */
export const wishes: readonly Wants[] = [
  { topics: ['orders/3/status'] },
  { topics: ['orders/*/status'] },
  { topics: ['orders/**'] },
  { topics: ['rooms/**', 'news'] },
  { topics: ['broadcast'], user: 'ann' },
  { topics: ['rooms/2', 'orders/1/status', 'news'], user: 'ben' },
  { topics: ['rooms/*', 'broadcast'], user: 'cleo' },
  { topics: ['news'] },
  { topics: ['rare'] },
  { topics: ['rare/**', 'rooms/4'] },
]

/** Makes the subscribers; none is connected yet. */
export function gather(
  ledger: Ledger,
  random: Random,
  urls: Pick<SubscriberOptions, 'urls'>['urls'],
  remoteUrls: Pick<SubscriberOptions, 'urls'>['urls'],
  say: SubscriberOptions['say'],
): Crowd {
  const made = (kind: string, count: number, more: Partial<SubscriberOptions> = {}) =>
    Array.from({ length: count }, (_, n) => {
      const first = [{}, {}, { last: 1 + random.below(20) }, { lastEventId: 'earliest' }][n % 4]!
      const wants = wishes[n % wishes.length]!
      return new Subscriber({
        ...{ name: `${kind} ${n + 1}`, wants, first, ledger, random, urls, say },
        ...more,
      })
    })
  return {
    steady: made('steady', wishes.length),
    churning: made('churning', wishes.length),
    slow: made('slow', 3, { wants: { topics: [heavyTopic] } }),
    remote: made('remote', 5, { urls: remoteUrls }),
  }
}

/** Whom the next push is for. */
export function drawAddressees(random: Random): Addressees {
  const kind = random.next()
  const order = `orders/${random.below(6)}/status`
  const room = `rooms/${random.below(5)}`
  if (kind < 0.4) return { topics: [order], users: [] }
  if (kind < 0.6) return { topics: [room], users: [] }
  if (kind < 0.68) return { topics: [room, 'news', order], users: [] }
  if (kind < 0.74) return { topics: ['news'], users: [] }
  if (kind < 0.82) return { topics: ['broadcast'], users: [] }
  if (kind < 0.83) return { topics: [random.of(['rare', 'rare/er'])], users: [] }
  return { topics: [], users: random.some(users, 1 + random.below(2)) }
}

/** The sizes of the events of the next push, in bytes: 0.1 to 30 kB, small ones more often. */
export function drawSizes(random: Random): number[] {
  const count = random.next() < 0.15 ? 2 + random.below(7) : 1
  return Array.from({ length: count }, () => Math.round(100 * 300 ** random.next()))
}
