// What a stream costs that Fastify hands over, before anything is done with it.
import fastify from 'fastify'
import type { AddressInfo, Socket } from 'node:net'
import { announce } from './topics.js'

const app = fastify({ forceCloseConnections: true })
const open = new Set<Socket>()

app.get('/events', (_request, reply) => {
  reply.hijack()
  reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
  reply.raw.flushHeaders()
  const socket = reply.raw.socket!
  socket.write('d\r\nretry: 2000\n\n\r\n')
  open.add(socket)
  socket.on('close', () => open.delete(socket))
})

await app.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
announce((app.server.address() as AddressInfo).port)
