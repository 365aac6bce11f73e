import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Caller } from '../auth/caller.js'
import { forwardedAddress, networkOf } from '../limits/client-network.js'

/**
 * The numeric address of a client: behind the proxies that `TRUST_PROXY` names what they say it is,
 * the connection's own where they say nothing that is an address.
 */
export function addressOf(request: FastifyRequest): string {
  const { ip } = request
  const { remoteAddress = '' } = request.raw.socket
  if (ip === remoteAddress) return ip
  const address = forwardedAddress(ip)
  // A copy: a part of a header would keep the whole of it, up to 16 KiB, for as long.
  return address === undefined ? remoteAddress : Buffer.from(address).toString()
}

/**
 * Who pushes, as far as it is counted: an API key by its place in the setting, the user of a token,
 * and whoever says nothing of themselves by their network.
 */
export function clientOf({ key, user }: Caller, address: () => string): string {
  if (key !== undefined) return `key ${key}`
  return user === undefined ? networkOf(address()) : `user ${user}`
}

/**
 * Says once, in the log, that there seems to be a proxy which is not trusted: all its clients count
 * as one, which nobody notices before a limit is set.
 */
export function warnOfProxy(app: FastifyInstance): void {
  let told = false
  app.addHook('onRequest', (request, _reply, done) => {
    if (!told && request.headers['x-forwarded-for'] !== undefined) {
      told = true
      request.log.warn(
        { peer: request.raw.socket.remoteAddress, setting: 'TRUST_PROXY' },
        'X-Forwarded-For is not believed: if a proxy of yours sends it, name it in TRUST_PROXY; until then its clients count as one address',
      )
    }
    done()
  })
}
