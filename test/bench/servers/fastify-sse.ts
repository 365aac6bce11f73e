// @fastify/sse as its README has it, with a list of the streams of each topic.
import { fastifySSE } from '@fastify/sse'
import fastify, { type FastifyReply } from 'fastify'
import type { AddressInfo } from 'node:net'
import { announce, Topics } from './topics.js'

const app = fastify({ forceCloseConnections: true })
const topics = new Topics<FastifyReply>()
let sequence = 0

await app.register(fastifySSE)

interface Query {
  Querystring: { topic: string }
}

app.get<Query>('/events', { sse: 'only' }, async (request, reply) => {
  const { topic } = request.query
  reply.sse.keepAlive()
  await reply.sse.send({ data: 'open' })
  topics.add(topic, reply)
  reply.sse.onClose(() => topics.remove(topic, reply))
})

app.post<Query>('/push', (request, reply) => {
  const message = { id: `sse-${++sequence}`, data: request.body }
  for (const each of topics.of(request.query.topic)) void each.sse.send(message)
  return reply.code(202).send()
})

await app.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
announce((app.server.address() as AddressInfo).port)
