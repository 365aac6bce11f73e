import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Whether a numeric address is this machine's own: 127.0.0.0/8, ::1, IPv4-mapped too. */
export function isLoopbackAddress(address: string): boolean {
  // Asked for each request: IPv4, which nearly all are, does without a parser.
  if (isIPv4(address)) return address.startsWith('127.')
  return isIPv6(address) && ipaddr.process(address).range() === 'loopback'
}

/**
 * Whether the host of a URL or a `Host` header names this machine: a loopback address, `localhost`
 * or a name below it (RFC 6761 section 6.3). A page of another site whose name was made to resolve
 * to 127.0.0.1 comes with its own name, and is told from one of this machine by that.
 *
 * @param authority host and, if given, port; an IPv6 address in brackets.
 */
export function isLoopbackHost(authority: string): boolean {
  const host = authority
    .replace(/:\d*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
  return host === 'localhost' || host.endsWith('.localhost') || isLoopbackAddress(host)
}
