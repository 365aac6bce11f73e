import { isIP, isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** How much of an IPv6 address names a customer of a provider, in bytes: a /64. */
const networkBytes = 8

/**
 * What a client's address is counted as: an IPv4 address as it is, IPv4-mapped too; of an IPv6
 * address its /64, since that is the least a provider gives to one customer (RFC 6177), who may then
 * have a new address for each connection.
 *
 * @param address a numeric address.
 */
export function networkOf(address: string): string {
  // Asked for each stream: IPv4, which nearly all are, does without a parser.
  if (isIPv4(address)) return address
  if (!ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  return `${Buffer.from(parsed.toByteArray().slice(0, networkBytes)).toString('hex')}/64`
}

/**
 * The numeric address in what a proxy wrote into `X-Forwarded-For`; some add a port, and an IPv6
 * address may stand in brackets. Undefined when there is none.
 */
export function forwardedAddress(text: string): string | undefined {
  if (isIP(text)) return text
  const address = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1]
  return address !== undefined && isIP(address) ? address : undefined
}
