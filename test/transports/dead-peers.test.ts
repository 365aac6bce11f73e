import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import {
  DeadPeers,
  type DeadPeersOptions,
  type LostReason,
  type WatchedSocket,
} from '../../dist/transports/dead-peers.js'
import { endpointsOf, type OwedRow, owedRows, tcpTimers } from '../../dist/transports/tcp-table.js'
import {
  createNamespace,
  type NetworkNamespace,
  whyNoNamespaces,
} from '../helpers/network-namespace.js'
import { watchStalls } from '../helpers/stalls.js'
import { until } from '../helpers/until.js'

const fakeEnds = {
  localAddress: '192.0.2.1',
  localPort: 8_080,
  remoteAddress: '192.0.2.2',
  remotePort: 50_000,
}

t.test('judgement, of tables that are made up', async (t) => {
  const retransmitting = { timer: tcpTimers.retransmit, retransmits: 3 }
  const probing = { timer: tcpTimers.zeroWindowProbe }

  t.test('a peer that acknowledges nothing from one heartbeat on is dead in time', async (t) => {
    for (const heartbeatMs of [15_000, 30_000]) {
      const { peer, look } = monitor({ heartbeatMs })
      // Vanished right after a heartbeat, at 0. The looks come as late as they can.
      await look(heartbeatMs + 9_999, { ...retransmitting, owed: 2, retransmits: 1 })
      let at = heartbeatMs + 9_999
      while (peer.told.length === 0) await look((at += 5_100), { ...retransmitting, owed: 4 })
      t.strictSame(peer.told, ['dead-peer'])
      t.ok(at <= 60_000, `ended after ${at} ms`)
      t.ok(at >= heartbeatMs + 10_000 + 12_500, 'and not before its time')
    }
  })

  t.test('what is written meanwhile does not pass for progress', async (t) => {
    const { peer, look } = monitor()
    for (let n = 1; n <= 8; n++) {
      peer.socket.bytesWritten += 100
      // Of each hundred bytes some come only after the kernel's table was read.
      peer.whileReading = () => (peer.socket.bytesWritten += (n * 7) % 50)
      await look(n * 5_000, { ...retransmitting, owed: peer.socket.bytesWritten })
    }
    t.strictSame(peer.told, ['dead-peer'])
  })

  t.test('a busy stream that always has data on the way is never judged', async (t) => {
    const { peer, look } = monitor()
    for (let n = 1; n <= 100; n++) {
      peer.socket.bytesWritten += 1_000
      await look(n * 5_000, { ...retransmitting, owed: 1_000, retransmits: n % 5 })
    }
    t.strictSame(new Set(peer.told), new Set(['progressed']))
    t.equal(peer.told.length, 99, 'told at each look but the first')
  })

  t.test('a retransmission that gets through begins the count anew', async (t) => {
    const { peer, look } = monitor()
    await look(0, { ...retransmitting, owed: 10, retransmits: 5 })
    await look(25_000, { ...retransmitting, owed: 10, retransmits: 2 })
    await look(50_000, { ...retransmitting, owed: 10, retransmits: 4 })
    t.strictSame(peer.told, ['progressed'])
  })

  t.test('one packet lost is no peer lost', async (t) => {
    const { peer, look } = monitor({ stalledStreamMs: Infinity })
    await look(0, { ...retransmitting, owed: 10, retransmits: 0 })
    await look(50_000, { ...retransmitting, owed: 10, retransmits: 1 })
    t.strictSame(peer.told, [])
  })

  t.test('a peer that left two probes unanswered at two looks is dead', async (t) => {
    const { peer, look } = monitor()
    await look(0, { ...probing, owed: 10, probes: 1 })
    await look(5_000, { ...probing, owed: 10, probes: 2 })
    t.strictSame(peer.told, [])
    await look(10_000, { ...probing, owed: 10, probes: 2 })
    t.strictSame(peer.told, ['dead-peer'])
  })

  t.test('looks that come quickly give a living peer the time to answer', async (t) => {
    const { peer, look } = monitor()
    await look(0, { ...probing, owed: 10, probes: 2 })
    await look(400, { ...probing, owed: 10, probes: 3 })
    await look(1_999, { ...probing, owed: 10, probes: 3 })
    t.strictSame(peer.told, [])
  })

  t.test('a peer that answers probes now and then is not dead', async (t) => {
    const { peer, look } = monitor()
    for (const [n, probes] of [1, 1, 3, 2, 0, 2, 1, 1, 2, 1].entries())
      await look(n * 5_000, { ...probing, owed: 10, probes })
    t.strictSame(peer.told, [])
  })

  t.test('a peer that takes nothing for long is stalled, though it answers', async (t) => {
    const { peer, look } = monitor()
    await look(0, { ...probing, owed: 10 })
    await look(59_999, { ...probing, owed: 10 })
    t.strictSame(peer.told, [])
    await look(60_000, { ...probing, owed: 10 })
    t.strictSame(peer.told, ['stalled'])
  })

  t.test('writes that only queue up in front of a stalled peer do not help it', async (t) => {
    const { peer, look } = monitor()
    await look(0, { ...probing, owed: 10 })
    peer.socket.bytesWritten += 5_000
    peer.socket.writableLength += 5_000
    await look(60_000, { ...probing, owed: 10 })
    t.strictSame(peer.told, ['stalled'])
  })

  t.test('a slow reader that takes a little between looks is told of, and kept', async (t) => {
    const { peer, look } = monitor()
    for (let n = 0; n < 10; n++) await look(n * 55_000, { ...probing, owed: 1_000 - n })
    t.strictSame(peer.told, Array(9).fill('progressed'))
  })

  t.test('progress shows over TLS too, where more is owed than was written', async (t) => {
    const { peer, look } = monitor()
    for (const [n, owed] of [1_220, 2_440, 3_660, 3_600].entries()) {
      if (n < 3) peer.socket.bytesWritten += 1_000
      t.strictSame(peer.told, [])
      await look(n * 5_000, { ...probing, owed })
    }
    t.strictSame(peer.told, ['progressed'])
  })

  t.test('a peer that took everything is told of once', async (t) => {
    const { peer, look } = monitor()
    await look(0, { ...probing, owed: 10 })
    await look(5_000, { owed: 0 })
    await look(10_000, { owed: 0 })
    await look(80_000, { ...probing, owed: 10 })
    t.strictSame(peer.told, ['progressed'])
  })

  t.test('a socket that is gone is not judged, and told nothing', async (t) => {
    const { peer, look } = monitor()
    await look(0, { ...probing, owed: 10, probes: 2 })
    peer.socket.destroyed = true
    await look(90_000, { ...probing, owed: 10, probes: 2 })
    t.strictSame(peer.told, [])
  })

  t.test('a connection of the same client to another service is none of ours', async (t) => {
    const { peer, look } = monitor()
    peer.socket.localPort = 8_081
    await look(0, { ...probing, owed: 10, probes: 2 })
    await look(90_000, { ...probing, owed: 10, probes: 2 })
    t.strictSame(peer.told, [])
  })
})

t.test('looks', async (t) => {
  const nothing = { deadPeerMs: 60, heartbeatMs: 15, stalledStreamMs: 60, sockets: () => [] }

  t.test('one follows the other, also after one that failed, until the stop', async (t) => {
    const errors: unknown[] = []
    let [reads, atOnce, mostAtOnce] = [0, 0, 0]
    const peers = new DeadPeers({
      ...nothing,
      onError: (error) => errors.push(error),
      async readTables() {
        mostAtOnce = Math.max(mostAtOnce, ++atOnce)
        await nextTurn()
        atOnce--
        if (++reads === 2) throw new Error('no table')
        return []
      },
    })
    t.ok(peers.start())
    t.ok(peers.start(), 'a second start starts nothing')
    await until(() => reads >= 5, 'five looks')
    peers.stop()
    t.equal(mostAtOnce, 1)
    t.match(errors, [{ message: 'no table' }])
  })

  t.test('failures in a row are told once, and again after one that did not fail', async (t) => {
    const errors: unknown[] = []
    let reads = 0
    const peers = new DeadPeers({
      ...nothing,
      onError: (error) => errors.push(error),
      async readTables() {
        if (++reads === 4) return []
        throw new Error(`no table ${reads}`)
      },
    })
    peers.start()
    await until(() => reads >= 7, 'seven looks')
    peers.stop()
    t.match(errors, [{ message: 'no table 1' }, { message: 'no table 5' }])
    t.equal(errors.length, 2)
  })

  t.test('two that are asked for at once are one', async (t) => {
    let reads = 0
    const peers = new DeadPeers({ ...nothing, readTables: async () => (reads++, []) })
    await Promise.all([peers.scan(), peers.scan()])
    t.equal(reads, 1)
    await peers.scan()
    t.equal(reads, 2)
  })
})

t.test('real packets', { skip: whyNoNamespaces(), jobs: 6 }, async (t) => {
  t.test('an idle client that vanishes is ended by the heartbeats', async (t) => {
    const net = createNamespace(t)
    const server = await serve(t, net.hostAddress)
    const peer = await connectFrom(net, server, 'reads')
    every(500, peer, () => peer.socket.write(':\n'))
    await until(() => peer.socket.bytesWritten >= 4, 'two heartbeats')
    net.cut()
    await endedInTime(t, peer)
    t.equal(peer.reason, 'dead-peer')
  })

  t.test('a client that vanishes while events flow is ended, on a dual-stack socket', async (t) => {
    const net = createNamespace(t)
    const server = await serve(t, '::')
    const peer = await connectFrom(net, server, 'reads')
    every(20, peer, () => peer.socket.write('x'.repeat(100)))
    await until(() => peer.socket.bytesWritten >= 2_000, 'events to flow')
    net.cut()
    await endedInTime(t, peer)
    t.equal(peer.reason, 'dead-peer')
  })

  t.test('a client that stalls and then vanishes is ended in time', async (t) => {
    const net = createNamespace(t)
    const server = await serve(t, net.hostAddress)
    const peer = await connectFrom(net, server, 'reads-nothing')
    flood(peer)
    await until(() => windowIsShut(peer), 'the window to shut')
    net.cut()
    await endedInTime(t, peer)
  })

  t.test('it is known for dead by its silence, where stalling is no offence', async (t) => {
    const net = createNamespace(t)
    const server = await serve(t, net.hostAddress, { stalledStreamMs: 60_000 })
    const peer = await connectFrom(net, server, 'reads-nothing')
    flood(peer)
    await until(() => windowIsShut(peer), 'the window to shut')
    net.cut()
    await until(() => peer.reason !== undefined, 'the stream to be ended', 15_000)
    t.equal(peer.reason, 'dead-peer')
  })

  t.test('a living reader that reads nothing is ended as stalled', async (t) => {
    const net = createNamespace(t)
    const server = await serve(t, net.hostAddress)
    const peer = await connectFrom(net, server, 'reads-nothing')
    flood(peer)
    await until(() => peer.reason !== undefined, 'the stream to be ended')
    t.equal(peer.reason, 'stalled')
  })

  t.test('a living slow reader stays, while the one beside it vanishes', async (t) => {
    const net = createNamespace(t)
    const beside = createNamespace(t)
    const server = await serve(t, '0.0.0.0')
    const slow = await connectFrom(net, server, 'reads-a-little')
    const vanishing = await connectFrom(beside, server, 'reads-a-little')
    ;[slow, vanishing].forEach(flood)
    await until(() => windowIsShut(slow) && windowIsShut(vanishing), 'the windows to shut')
    beside.cut()
    await endedInTime(t, vanishing)
    const progress = slow.progress
    await until(() => slow.progress > progress + 3, 'the slow reader to go on taking', 15_000)
    t.equal(slow.reason, undefined)
  })
})

/** A peer of made-up tables, and what it was told. */
function fakePeer() {
  const told: (LostReason | 'progressed')[] = []
  return {
    socket: { ...fakeEnds, bytesWritten: 0, writableLength: 0, destroyed: false },
    told,
    progressed: () => void told.push('progressed'),
    lost: (reason: LostReason) => void told.push(reason),
    whileReading: () => {},
  }
}

/** A monitor of one fake peer with the default settings, and looks at it at times made up. */
function monitor(options: Partial<DeadPeersOptions> = {}) {
  const peer = fakePeer()
  let [clock, table] = [0, '']
  const peers = new DeadPeers({
    deadPeerMs: 60_000,
    heartbeatMs: 15_000,
    stalledStreamMs: 60_000,
    sockets: () => [peer],
    now: () => clock,
    async readTables() {
      peer.whileReading()
      return [Buffer.from(table)]
    },
    ...options,
  })
  async function look(at: number, row: Partial<OwedRow>): Promise<void> {
    ;[clock, table] = [at, tableOf(row)]
    await peers.scan()
  }
  return { peer, look }
}

function tableOf({ owed = 0, timer = 0, retransmits = 0, probes = 0 }: Partial<OwedRow>): string {
  const hex = (value: number, digits = 8) => value.toString(16).toUpperCase().padStart(digits, '0')
  return (
    `   0: ${endpointsOf(fakeEnds)} 01 ${hex(owed)}:00000000 ${hex(timer, 2)}:00000000 ` +
    `${hex(retransmits)}     0 ${String(probes).padStart(8)} 21160`.padEnd(149) +
    '\n'
  )
}

/** A stream to a client in a namespace, and what the monitor said of it. */
interface RealPeer extends WatchedSocket {
  readonly socket: Socket
  reason: LostReason | undefined
  progress: number
}

interface Server {
  readonly port: number
  readonly peers: RealPeer[]
}

const shortTimes = { deadPeerMs: 5_000, heartbeatMs: 500, stalledStreamMs: 4_000 }

/** A server with a monitor, and what it accepted. */
async function serve(t: Test, host: string, options?: Partial<DeadPeersOptions>): Promise<Server> {
  const peers: RealPeer[] = []
  const server = createServer((socket) => {
    // At the end of the test the clients are killed, which resets their connections.
    socket.on('error', () => {})
    peers.push({
      socket,
      reason: undefined,
      progress: 0,
      progressed() {
        this.progress++
      },
      lost(reason) {
        this.reason = reason
        socket.resetAndDestroy()
      },
    })
  })
  await once(server.listen(0, host), 'listening')
  const onError = (error: unknown) => t.fail(String(error))
  const monitor = new DeadPeers({ ...shortTimes, sockets: () => peers, onError, ...options })
  monitor.start()
  t.teardown(() => {
    monitor.stop()
    server.close()
    for (const { socket } of peers) socket.destroy()
  })
  return { port: (server.address() as AddressInfo).port, peers }
}

const clients = {
  reads: 'socket.resume()',
  'reads-nothing': 'setInterval(() => {}, 1000)',
  'reads-a-little': 'setInterval(() => socket.read(20000), 100)',
}

async function connectFrom(
  net: NetworkNamespace,
  { port, peers }: Server,
  how: keyof typeof clients,
): Promise<RealPeer> {
  const connect = `const socket = require('net').connect(${port}, '${net.hostAddress}').pause()`
  net.exec(process.execPath, ['-e', `${connect}; ${clients[how]}`])
  const find = () => peers.find((peer) => peer.socket.remoteAddress?.endsWith(net.namespaceAddress))
  await until(() => find() !== undefined, 'the client to connect')
  return find()!
}

function every(ms: number, { socket }: RealPeer, write: () => void): void {
  const timer = setInterval(write, ms)
  socket.once('close', () => clearInterval(timer))
}

function flood({ socket }: RealPeer): void {
  const chunk = Buffer.alloc(16_384)
  const fill = () => {
    while (socket.write(chunk));
  }
  socket.on('drain', fill)
  fill()
}

function windowIsShut({ socket }: RealPeer): boolean {
  return owedRows(readFileSync('/proc/self/net/tcp')).some(
    (row) => row.timer === tcpTimers.zeroWindowProbe && row.endpoints === endpointsOf(socket),
  )
}

async function endedInTime(t: Test, peer: RealPeer): Promise<void> {
  const [cutAt, stalledMs] = [performance.now(), watchStalls(t)]
  await until(() => peer.reason !== undefined, 'the stream to be ended')
  const took = performance.now() - cutAt - stalledMs()
  t.comment(`${peer.reason} after ${Math.round(took)} ms`)
  t.ok(took <= shortTimes.deadPeerMs, `ended within ${shortTimes.deadPeerMs} ms`)
}
