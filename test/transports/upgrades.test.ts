import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { admitInTurns } from '../../dist/transports/admission.js'
import { sortUpgrades } from '../../dist/transports/upgrades.js'
import { connection, requestText } from '../helpers/connection.js'

const h2c = requestText('GET', '/', { headers: { Connection: 'Upgrade', Upgrade: 'h2c' } })

async function listen(t: Test): Promise<{ server: Server; port: number }> {
  const server = createServer((_request, response) => response.end('served\n'))
  t.teardown(() => server.close())
  admitInTurns(server)
  sortUpgrades(server, () => false)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

t.test('a connection that breaks before it is served as HTTP harms nobody', async (t) => {
  const { server, port } = await listen(t)
  // Those who come in crowds wait for their turn: that is when it breaks.
  server.on('upgrade', (_request, socket: Socket) => {
    socket.destroy(new Error('read ECONNRESET'))
  })
  const conn = connection(t, port, h2c)
  await conn.end()
  t.equal(conn.text(), '')
})

t.test('a client may ask for another protocol as often as it likes', async (t) => {
  const { port } = await listen(t)
  const warnings: Error[] = []
  const warned = (warning: Error): number => warnings.push(warning)
  process.on('warning', warned)
  t.teardown(() => process.removeListener('warning', warned))
  const conn = connection(t, port, '')
  for (let i = 1; i <= 15; i++) {
    conn.socket.write(h2c)
    await conn.says(new RegExp(`(served[^]*){${i}}`))
  }
  t.strictSame(warnings, [])
  conn.socket.destroy()
})
