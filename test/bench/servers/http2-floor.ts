// The floor over HTTP/2: Node's own server, and a loop that writes one ready buffer to each stream.
// node http2-floor.js CERTIFICATE KEY
import { readFileSync } from 'node:fs'
import { createSecureServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { announce, topicOf, Topics } from './topics.js'

const [cert, key] = process.argv.slice(2).map((path) => readFileSync(path))
const topics = new Topics<ServerHttp2Stream>()
let sequence = 0

async function push(stream: ServerHttp2Stream, topic: string): Promise<void> {
  const body = await buffer(stream)
  const event = Buffer.from(`id: floor-${++sequence}\ndata: ${body.toString()}\n\n`)
  for (const each of topics.of(topic)) each.write(event)
  stream.respond({ ':status': 202 }, { endStream: true })
}

function subscribe(stream: ServerHttp2Stream, topic: string): void {
  stream.respond({ ':status': 200, 'content-type': 'text/event-stream' })
  stream.write('retry: 2000\n\n')
  topics.add(topic, stream)
  stream.on('close', () => topics.remove(topic, stream))
}

const server = createSecureServer({ cert, key })
server.on('stream', (stream, headers) => {
  const topic = topicOf(headers[':path'])
  // A load that ends resets its connections.
  stream.on('error', () => {})
  if (headers[':method'] === 'POST') void push(stream, topic)
  else subscribe(stream, topic)
})
server.on('sessionError', () => {})

server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  announce((server.address() as AddressInfo).port)
})
