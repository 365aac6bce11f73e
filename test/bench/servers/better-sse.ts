// better-sse as its guides have it: a session for each stream, a channel for each topic.
import { createChannel, createSession, type Channel } from 'better-sse'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { announce, bodyOf, topicOf } from './topics.js'

const channels = new Map<string, Channel>()

function channelOf(topic: string): Channel {
  let channel = channels.get(topic)
  if (channel === undefined) channels.set(topic, (channel = createChannel()))
  return channel
}

const server = createServer((request, response) => {
  const topic = topicOf(request.url)
  if (request.method === 'POST') {
    void bodyOf(request).then((body) => {
      channelOf(topic).broadcast(JSON.parse(body.toString()))
      response.writeHead(202, { 'content-length': 0 }).end()
    })
    return
  }
  void createSession(request, response).then((session) => {
    channelOf(topic).register(session)
  })
})

server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  announce((server.address() as AddressInfo).port)
})
