import type { Socket } from 'node:net'
import ipaddr from 'ipaddr.js'

/** A row of `/proc/net/tcp` or `tcp6` whose peer has not acknowledged all that it was sent. */
export interface OwedRow {
  /** Both ends, local first, as the kernel prints them; to be compared with {@link endpointsOf}. */
  readonly endpoints: string
  readonly remotePort: number
  /** Bytes sent or queued in the kernel, and not yet acknowledged; never 0. */
  readonly owed: number
  /** What the kernel waits for next: one of {@link tcpTimers}, or another number. */
  readonly timer: number
  /** Retransmission timeouts since the peer last acknowledged something new. */
  readonly retransmits: number
  /** Zero-window probes since the peer last answered anything. */
  readonly probes: number
}

/** The timers that tell of a peer: the values of {@link OwedRow.timer}. */
export const tcpTimers = { retransmit: 1, zeroWindowProbe: 4 } as const

/** The two ends of a socket, as Node names them. */
export type Endpoints = Partial<
  Pick<Socket, 'localAddress' | 'localPort' | 'remoteAddress' | 'remotePort'>
>

const newline = 10
const space = 32
const dot = 46
const digit0 = 48
const colon = 58
const hexOfAnAddress = { ipv4: 8, ipv6: 32 }
/** No row is shorter: `tcp` pads its rows to 150 bytes, in `tcp6` the addresses alone take 75. */
const shortestRow = 100

/**
 * The rows of a table that are owed something. The head line, and a last line without its end, are
 * passed over.
 *
 * Of 15,000 idle streams every row says 0, and this runs every few seconds: so rows are taken apart
 * byte by byte where they lie, and a row that says 0 makes no object.
 */
export function owedRows(table: Buffer): OwedRow[] {
  const rows: OwedRow[] = []
  for (let start = 0; start < table.length;) {
    const end = endOfRow(table, start)
    if (end === -1) break
    const row = owedRow(table, start, end)
    if (row !== undefined) rows.push(row)
    start = end + 1
  }
  return rows
}

/** `tcp6` does not pad its rows, so the end is looked for, from where it can be at the earliest. */
function endOfRow(table: Buffer, start: number): number {
  for (let at = start + shortestRow; at < table.length; at++) if (table[at] === newline) return at
  return -1
}

/**
 * `sl: local:port remote:port st tx_queue:rx_queue tr:when retrnsmt uid timeout inode …`, every
 * column up to retrnsmt of a fixed width, but for the first: `sl` grows beyond row 9,999.
 */
function owedRow(table: Buffer, start: number, end: number): OwedRow | undefined {
  let sl = start + 4
  while (sl < end && table[sl] !== colon) sl++
  const { ipv4, ipv6 } = hexOfAnAddress
  const width = table[sl + 2 + ipv4] === colon ? ipv4 : ipv6
  const local = sl + 2
  const remotePort = local + width + 6 + width + 1
  const queues = remotePort + 8
  const retransmits = queues + 30
  if (retransmits + 8 > end) return undefined
  const owed = hex(table, queues, 8)
  if (owed === 0) return undefined
  return {
    endpoints: table.toString('latin1', local, remotePort + 4),
    remotePort: hex(table, remotePort, 4),
    owed,
    timer: hex(table, queues + 18, 2),
    retransmits: hex(table, retransmits, 8),
    probes: secondDecimal(table, retransmits + 8, end),
  }
}

function hex(table: Buffer, start: number, digits: number): number {
  let value = 0
  for (let at = start; at < start + digits; at++) {
    const byte = table[at]!
    value = value * 16 + (byte > 57 ? byte - 55 : byte - digit0)
  }
  return value
}

/** The second of two decimal columns. The first is a uid, and may be wider than its column. */
function secondDecimal(table: Buffer, start: number, end: number): number {
  let at = pastSpaces(table, start, end)
  while (at < end && table[at] !== space) at++
  at = pastSpaces(table, at, end)
  let value = 0
  for (; at < end && table[at] !== space; at++) value = value * 10 + table[at]! - digit0
  return value
}

function pastSpaces(table: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && table[at] === space) at++
  return at
}

/**
 * Both ends of a socket as the kernel prints them in {@link OwedRow.endpoints}. Undefined when the
 * socket is not connected over TCP, or not any more.
 */
export function endpointsOf(socket: Endpoints): string | undefined {
  const { localAddress, localPort, remoteAddress, remotePort } = socket
  if (localAddress === undefined || localPort === undefined) return undefined
  if (remoteAddress === undefined || remotePort === undefined) return undefined
  return `${endpoint(localAddress, localPort)} ${endpoint(remoteAddress, remotePort)}`
}

function endpoint(address: string, port: number): string {
  return `${hexAddress(address)}:${upperHex(port, 4)}`
}

const mappedPrefix = '::ffff:'
const mappedHex = hexWords([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255])

/** An event for all may have all streams looked up at once: so IPv4 does not go the general way. */
function hexAddress(address: string): string {
  if (!address.includes(':')) return hexIpv4(address, 0)
  if (address.startsWith(mappedPrefix) && address.includes('.'))
    return mappedHex + hexIpv4(address, mappedPrefix.length)
  return hexWords(ipaddr.parse(address).toByteArray())
}

/** The kernel prints the words of an address, which lie in network order, as numbers of the host. */
function hexWords(bytes: readonly number[]): string {
  const words = new Uint32Array(Uint8Array.from(bytes).buffer)
  return Array.from(words, (word) => upperHex(word, 8)).join('')
}

const ipv4Bytes = new Uint8Array(4)
const ipv4Word = new Uint32Array(ipv4Bytes.buffer)

function hexIpv4(address: string, start: number): string {
  ipv4Bytes.fill(0)
  for (let at = start, byte = 0; at < address.length; at++) {
    const code = address.charCodeAt(at)
    if (code === dot) byte++
    else ipv4Bytes[byte] = ipv4Bytes[byte]! * 10 + code - digit0
  }
  return upperHex(ipv4Word[0]!, 8)
}

function upperHex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0')
}
