import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Endpoints, endpointsOf, type OwedRow, owedRows, tcpTimers } from './tcp-table.js'

/** A socket that the monitor watches: one open stream over TCP. */
export interface WatchedSocket {
  /** The socket itself: `session.socket` of HTTP/2 throws as soon as the session is destroyed. */
  readonly socket: Endpoints & Pick<Socket, 'bytesWritten' | 'writableLength' | 'destroyed'>
  /** The peer took something since the last look. Told only if it was owed something then. */
  progressed(): void
  /**
   * Ends the stream at once: nothing more can reach this peer. Best by `resetAndDestroy()`, where
   * the socket is plain TCP: after `destroy()` the kernel keeps what it has queued, up to
   * megabytes, and goes on sending it for minutes.
   */
  lost(reason: LostReason): void
}

/** `dead-peer`: the peer answers nothing. `stalled`: it may well be there, but takes nothing. */
export type LostReason = 'dead-peer' | 'stalled'

/** What {@link DeadPeers} is made from. */
export interface DeadPeersOptions {
  /** `DEAD_PEER` in milliseconds: within this time of vanishing a peer is ended. */
  deadPeerMs: number
  /** `HEARTBEAT` in milliseconds: for so long a stream may have nothing to send. */
  heartbeatMs: number
  /** `STALLED_STREAM` in milliseconds: for so long a peer that is owed something may take nothing. */
  stalledStreamMs: number
  /** All that is watched, asked for at each look that has something to ask about. */
  sockets: () => Iterable<WatchedSocket>
  /** A look failed, and the one before did not; the next comes all the same. Default: not told. */
  onError?: (error: unknown) => void
  /** Monotonic milliseconds. Default: `performance.now`. */
  now?: () => number
  /** The kernel's tables. Default: `tcp` and `tcp6` of this process's network namespace. */
  readTables?: () => Promise<readonly Buffer[]>
}

/** One lost packet is no lost peer: so many must have gone unanswered, one after the other. */
const unansweredPackets = 2

/**
 * How long two unanswered probes must stand. A living Linux peer leaves probes unanswered that come
 * within 500 ms of the last one it answered (`tcp_invalid_ratelimit`), and the kernel probes every
 * 200 ms at first: for up to a second a living reader looks dead.
 */
const probesStandMs = 2_000

/** What is known of a socket for as long as its peer owes an acknowledgement. */
interface Debt {
  /** When a look first found the peer owing what it still owes. */
  readonly since: number
  /** At that time, the peer had taken at most so many bytes in all. */
  readonly tookAtMost: number
  /** The row of the last look. */
  readonly row: OwedRow
  /** Since when two or more zero-window probes stand unanswered. */
  readonly probedSince: number | undefined
  /** Bytes that the kernel had been given, just before the tables were read again. */
  writtenBefore: number
}

/**
 * Ends streams whose peer vanished without a FIN, and streams whose peer takes nothing.
 *
 * TCP keep-alive finds only the idle ones: with data on the way the kernel retransmits for 15
 * minutes instead, and Node cannot set TCP_USER_TIMEOUT. But Linux tells in `/proc/net/tcp` what
 * each peer has not acknowledged and how often it was asked to, so that is looked at every
 * `deadPeerMs / 12`, at most 5 s, and half as often while all acknowledge at once. A peer is
 * - dead when, for `deadPeerMs` less the time that it takes to notice, it acknowledged nothing and
 *   the kernel retransmitted in vain; or when it left two zero-window probes unanswered, which a
 *   slow reader's kernel answers however slow the reader;
 * - stalled when it took no byte for `stalledStreamMs` while it was owed some.
 *
 * The kernel doubles the time between probes, answered or not, to 2 minutes. A peer that stalls,
 * and vanishes after more than a quarter of `deadPeerMs`, is therefore ended as stalled: within
 * `deadPeerMs` in all as long as `stalledStreamMs` is no longer.
 */
export class DeadPeers {
  readonly #options: DeadPeersOptions
  readonly #now: () => number
  readonly #readTables: () => Promise<readonly Buffer[]>
  readonly #periodMs: number
  readonly #patienceMs: number
  #debts = new Map<WatchedSocket, Debt>()
  #looking: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #failed = false
  /** Whether some peer owed something at the last two looks, or let a packet go unanswered. */
  #pressing = false

  constructor(options: DeadPeersOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#readTables = options.readTables ?? tablesReader()
    this.#periodMs = Math.min(5_000, options.deadPeerMs / 12)
    // A peer that vanishes right after a heartbeat is owed nothing until the next. Then it takes up
    // to two periods until a look sees that, another until a look comes after the patience has run
    // out, and half a one is for heartbeats and looks that are late.
    this.#patienceMs = options.deadPeerMs - options.heartbeatMs - 3.5 * this.#periodMs
  }

  /**
   * Looks from now on, until {@link stop}; keeps no process alive. False, and nothing is done, where
   * the system has no such tables: there TCP keep-alive has to do.
   */
  start(): boolean {
    if (this.#options.readTables === undefined && !existsSync(tablePaths.ipv4)) return false
    this.#timer ??= this.#lookLater()
    return true
  }

  /** Looks no more. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** One look at all sockets, or the one under way. Rejects when the tables can't be read. */
  scan(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined))
    return this.#looking
  }

  #lookLater(): NodeJS.Timeout {
    const timer = setTimeout(
      () => {
        this.scan()
          .then(
            () => (this.#failed = false),
            (error: unknown) => {
              // What is wrong for long would be told every few seconds.
              if (!this.#failed) this.#options.onError?.(error)
              this.#failed = true
            },
          )
          .finally(() => {
            if (this.#timer === timer) this.#timer = this.#lookLater()
          })
      },
      this.#pressing ? this.#periodMs : 2 * this.#periodMs,
    )
    return timer.unref()
  }

  async #look(): Promise<void> {
    for (const [{ socket }, debt] of this.#debts) debt.writtenBefore = written(socket)
    const rows = byRemotePort(await this.#readTables())
    if (rows.size === 0 && this.#debts.size === 0) {
      this.#pressing = false
      return
    }

    const now = this.#now()
    const debts = new Map<WatchedSocket, Debt>()
    const verdicts: [WatchedSocket, LostReason][] = []
    for (const watched of this.#options.sockets()) {
      const before = this.#debts.get(watched)
      const row = rowOf(watched.socket, rows, before)
      if (row === undefined) {
        if (before !== undefined && !watched.socket.destroyed) watched.progressed()
        continue
      }
      const debt = debtOf(watched.socket, row, before, now)
      if (before !== undefined && debt.since !== before.since) watched.progressed()
      const reason = this.#verdict(debt, now)
      if (reason === undefined) debts.set(watched, debt)
      else verdicts.push([watched, reason])
    }
    this.#pressing = [...debts].some(
      ([watched, { row }]) => this.#debts.has(watched) || row.retransmits > 0 || row.probes > 0,
    )
    this.#debts = debts
    // Only now: ending a stream may change what is being iterated over.
    for (const [watched, reason] of verdicts) watched.lost(reason)
  }

  #verdict({ since, row, probedSince }: Debt, now: number): LostReason | undefined {
    const retransmitted = row.timer === tcpTimers.retransmit && row.retransmits >= unansweredPackets
    if (retransmitted && now - since >= this.#patienceMs) return 'dead-peer'
    if (probedSince !== undefined && now - probedSince >= probesStandMs) return 'dead-peer'
    return now - since >= this.#options.stalledStreamMs ? 'stalled' : undefined
  }
}

function debtOf(
  socket: WatchedSocket['socket'],
  row: OwedRow,
  before: Debt | undefined,
  now: number,
): Debt {
  const same = before !== undefined && !tookSomething(before, row)
  const writtenNow = written(socket)
  const probed = row.timer === tcpTimers.zeroWindowProbe && row.probes >= unansweredPackets
  // Fewer unanswered probes than before: one was answered in between.
  const stillProbed = same && row.probes >= before.row.probes
  return {
    since: same ? before.since : now,
    tookAtMost: same ? before.tookAtMost : writtenNow - row.owed,
    row,
    probedSince: probed ? ((stillProbed ? before.probedSince : undefined) ?? now) : undefined,
    writtenBefore: writtenNow,
  }
}

/**
 * Whether the peer acknowledged anything since the last look. The kernel counts retransmissions from
 * the last acknowledgement. Beyond that, the bytes written less those owed are compared, by bounds:
 * a stream may be written to while the tables are read, and that must not pass for progress. (Over
 * TLS they are counted before encryption, which only makes the lower bound lower.)
 */
function tookSomething(before: Debt, row: OwedRow): boolean {
  return (
    row.owed < before.row.owed ||
    row.retransmits < before.row.retransmits ||
    before.writtenBefore - row.owed > before.tookAtMost
  )
}

/** Bytes of finished writes: one that waits for room in the kernel is nothing a peer could take. */
function written(socket: WatchedSocket['socket']): number {
  return socket.bytesWritten - socket.writableLength
}

function byRemotePort(tables: readonly Buffer[]): Map<number, OwedRow[]> {
  const byPort = new Map<number, OwedRow[]>()
  for (const row of tables.flatMap(owedRows)) {
    const others = byPort.get(row.remotePort)
    if (others === undefined) byPort.set(row.remotePort, [row])
    else others.push(row)
  }
  return byPort
}

/** Nearly all sockets are passed by their port alone; only then are the ends spelt out. */
function rowOf(
  socket: WatchedSocket['socket'],
  rows: ReadonlyMap<number, OwedRow[]>,
  before: Debt | undefined,
): OwedRow | undefined {
  if (socket.destroyed || socket.remotePort === undefined) return undefined
  const candidates = rows.get(socket.remotePort)
  if (candidates === undefined) return undefined
  const endpoints = before?.row.endpoints ?? endpointsOf(socket)
  return candidates.find((row) => row.endpoints === endpoints)
}

const tablePaths = { ipv4: '/proc/self/net/tcp', ipv6: '/proc/self/net/tcp6' }

function tablesReader(): () => Promise<readonly Buffer[]> {
  const readers = [tableReader(tablePaths.ipv4)]
  if (existsSync(tablePaths.ipv6)) readers.push(tableReader(tablePaths.ipv6))
  return () => Promise.all(readers.map((read) => read()))
}

/** So many pages of a table are read at a turn of the event loop: half a millisecond. */
const pagesATurn = 8

/**
 * Reads a table whole, into a buffer that it keeps and that is good until the next read. The kernel
 * hands out at most 4 KiB a read and makes them up in memory, so a read never waits: done at once, a
 * few at a turn, they cost half of what they cost the thread pool. The idle shape pays for them:
 * 15,000 streams to clients of the same machine are 1,100 pages.
 */
function tableReader(path: string): () => Promise<Buffer> {
  const page = 4096
  let buffer = Buffer.allocUnsafeSlow(16 * page)
  return async () => {
    const file = openSync(path, 'r')
    try {
      for (let length = 0, pages = 1; ; pages++) {
        if (buffer.length - length < page) buffer = Buffer.concat([buffer], 2 * buffer.length)
        const bytesRead = readSync(file, buffer, length, buffer.length - length, null)
        if (bytesRead === 0) return buffer.subarray(0, length)
        length += bytesRead
        if (pages % pagesATurn === 0) await nextTurn()
      }
    } finally {
      closeSync(file)
    }
  }
}
