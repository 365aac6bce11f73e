import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { connection, pushText } from '../helpers/connection.js'
import { startServerWithin, type ServerProcess } from '../helpers/server-process.js'
import { openStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'

/** The processor time that a process took so far, in milliseconds; the kernel counts hundredths. */
function processorMs({ process }: ServerProcess): number {
  const fields = readFileSync(`/proc/${process.pid!}/stat`, 'utf8').split(' ')
  return (Number(fields[13]) + Number(fields[14])) * 10
}

/** So many are few for a server; Node takes over half of them at once to load the modules. */
const descriptors = 128

const linux = process.platform === 'linux' ? false : 'the processor time is read from /proc'

t.test(
  'out of descriptors, what is open goes on, new connections are refused, and it recovers',
  { skip: linux },
  async (t) => {
    // Dead peers are looked for every 170 ms, which takes descriptors too.
    const flags = ['--heartbeat', '1s', '--dead-peer', '2s']
    const server = await startServerWithin(t, descriptors, ...flags)
    const stream = await openStream(t, server.port, '/events')
    const publisher = connection(t, server.port, pushText({ data: 0 }))
    await stream.received(1)

    const others: Socket[] = []
    let closed = 0
    const connectAnother = (): void => {
      const socket = connect(server.port, '127.0.0.1')
      t.teardown(() => socket.destroy())
      socket.on('error', () => {
        // A refusal is told by `close`.
      })
      socket.on('close', () => closed++)
      // Half of them ask for a stream, half say nothing.
      if (others.push(socket) % 2 === 0)
        socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n')
      socket.resume()
    }
    for (let n = 0; n < 3 * descriptors; n++) connectAnother()
    await until(() => closed >= 2 * descriptors, 'connections to be refused')

    const [startedAt, processorBefore] = [performance.now(), processorMs(server)]
    let pushes = 1
    while (performance.now() - startedAt < 3000) {
      connectAnother()
      publisher.socket.write(pushText({ data: pushes }))
      await stream.received(++pushes)
    }
    const share = (processorMs(server) - processorBefore) / (performance.now() - startedAt)
    t.ok(share < 0.6, `it took ${Math.round(share * 100)} % of a processor for ${pushes} pushes`)
    const accepted = (): number => publisher.text().match(/HTTP\/1\.1 202/g)!.length
    await until(() => accepted() >= pushes, 'the answers')
    t.equal(accepted(), pushes, 'all were accepted')
    t.ok(others.length - closed < descriptors, `${closed} of ${others.length} were refused`)
    t.equal(server.process.exitCode, null)

    for (const socket of others) socket.destroy()
    await until(async () => {
      const again = await fetch(`${server.url}/livez`).catch(() => undefined)
      return again?.status === 200
    }, 'it to recover')
    const late = await openStream(t, server.port, '/events')
    publisher.socket.write(pushText({ data: 'late' }))
    t.equal((await late.received(1))[0]!.data, 'late')

    const warnings = server
      .log()
      .split('\n')
      .filter((line) => line.includes('"level":40'))
    t.equal(warnings.length, 1, 'one warning, not one for each connection or look')
    t.match(warnings[0], /connections refused.*ulimit -n/)
  },
)
