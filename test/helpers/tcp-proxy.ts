import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A way to a server that can be cut, slowed down, or made to swallow what goes over it. */
export interface TcpProxy {
  readonly port: number
  /** Where new connections go. */
  target: number
  /** How long everything is held up on each way, in milliseconds. */
  delayMs: number
  /** Whether what is sent there goes on; whether what comes back does. What does not is lost. */
  forward: boolean
  backward: boolean
  /** Looks at what is sent there, by which connection; what it answers false to is lost. */
  onForward: ((bytes: Buffer, connection: number) => boolean) | undefined
  /** The same of what comes back. */
  onBackward: ((bytes: Buffer, connection: number) => boolean) | undefined
  /** Whether new connections are taken. */
  open: boolean
  /** How many connections were made so far, and how many are open. */
  readonly connections: number
  readonly openConnections: number
  /** Cuts all connections. */
  cut(): void
}

/** Starts a proxy, and ends it with the test. */
export async function startProxy(t: Test, target: number): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let connections = 0
  const server = createServer((near) => {
    if (!proxy.open) {
      near.destroy()
      return
    }
    const number = connections++
    const far = connect(proxy.target, '127.0.0.1')
    const pair = [near, far] as const
    pairs.add(pair)
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on('error', () => {
        // Told by `close`.
      })
      from.on('close', () => {
        later(() => to.destroy())
        pairs.delete(pair)
      })
    }
    near.on('data', (bytes) => {
      const goesOn = proxy.forward && proxy.onForward?.(bytes, number) !== false
      if (goesOn) later(() => far.write(bytes))
    })
    far.on('data', (bytes) => {
      const goesOn = proxy.backward && proxy.onBackward?.(bytes, number) !== false
      if (goesOn) later(() => near.write(bytes))
    })
  })
  const later = (work: () => void): void => {
    if (proxy.delayMs === 0) work()
    else setTimeout(work, proxy.delayMs)
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy: TcpProxy = {
    port: (server.address() as AddressInfo).port,
    target,
    delayMs: 0,
    forward: true,
    backward: true,
    onForward: undefined,
    onBackward: undefined,
    open: true,
    get connections() {
      return connections
    },
    get openConnections() {
      return pairs.size
    },
    cut() {
      for (const pair of pairs) for (const socket of pair) socket.destroy()
    },
  }
  t.teardown(() => {
    server.close()
    proxy.cut()
  })
  return proxy
}
