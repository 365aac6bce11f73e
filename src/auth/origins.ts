import { isLoopbackHost } from './loopback.js'

/** Which web pages may use the service. */
export interface OriginPolicy {
  /** The setting `ORIGINS`: origins, `https://*.example.com`, or `*`. */
  readonly origins: readonly string[]
  /** Whether pages of this machine may, whatever their port: the service is open on loopback. */
  readonly loopback: boolean
}

/** Whether a page of this origin may use the service from another site. */
export function isAllowedOrigin(policy: OriginPolicy, origin: string): boolean {
  return isNamedOrigin(policy, origin) || policy.origins.includes('*')
}

/**
 * Whether a page of this origin may use the service with cookies too: it is meant by itself, not by
 * `*` along with all others.
 */
export function isNamedOrigin(policy: OriginPolicy, origin: string): boolean {
  if (policy.loopback && isLoopbackOrigin(origin)) return true
  return policy.origins.some((allowed) => allowed !== '*' && matches(allowed, origin.toLowerCase()))
}

/** Whether a page of this origin was served from where it sends its request. */
export function isSameOrigin(origin: string, host: string | undefined): boolean {
  return (
    host !== undefined && origin.toLowerCase().replace(/^https?:\/\//, '') === host.toLowerCase()
  )
}

function isLoopbackOrigin(origin: string): boolean {
  const match = /^https?:\/\/([^/]+)$/i.exec(origin)
  return match !== null && isLoopbackHost(match[1]!)
}

function matches(allowed: string, origin: string): boolean {
  const star = allowed.indexOf('*')
  if (star === -1) return allowed === origin
  const [head, tail] = [allowed.slice(0, star), allowed.slice(star + 1)]
  const middle = origin.slice(head.length, origin.length - tail.length)
  return (
    origin.startsWith(head) && origin.endsWith(tail) && /^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(middle)
  )
}
