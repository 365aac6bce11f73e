import { hasCredentials } from './auth/credential-settings.js'
import type { TicketStore } from './auth/tickets.js'
import { LogOpenError } from './logs/log-open-error.js'
import type { ProcessName } from './metrics/figures.js'
import type { PeerLink } from './peers/peer-link.js'
import { redisAddress } from './redis/redis-address.js'
import type { Settings } from './settings.js'

/** What the lease of a process says at its end that asks who somebody is. */
const guardedMark = ', guarded'

/**
 * What nodes that have one log have beside it: a line to each other, and tickets.
 *
 * @throws LogOpenError where others ask who somebody is, and this one would let everybody push to their log.
 */
export async function nodesOf(
  settings: Settings,
  { node, worker }: ProcessName,
): Promise<{ link: PeerLink; tickets: TicketStore } | undefined> {
  const address = redisAddress(settings.store)
  if (address === undefined) return undefined
  // Loaded only here: the other logs need no Redis.
  const [{ RedisLink }, { RedisTickets }] = await Promise.all([
    import('./peers/redis-link.js'),
    import('./auth/redis-tickets.js'),
  ])
  const isGuarded = hasCredentials(settings)
  const name = worker === 0 ? node : `${node}-${worker}`
  const link = new RedisLink(address, isGuarded ? `${name}${guardedMark}` : name)
  // Nobody is let in before: a ticket of another node would be refused.
  const others = await link.begun
  const isMeant = isGuarded || settings.anonymous === 'all'
  if (!isMeant && others.some((lease) => lease.endsWith(guardedMark))) {
    await link.close()
    throw new LogOpenError(
      'STORE: other nodes of this log ask for credentials, and this one would be open: ' +
        'give it their keys and secrets (API_KEYS, JWT_SECRET, …), or --anonymous all to mean it',
    )
  }
  return { link, tickets: new RedisTickets((command) => link.send(command), address.prefix) }
}
