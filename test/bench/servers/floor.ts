// The floor: Node's own HTTP server, and a loop that writes one ready buffer to each socket.
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { announce, bodyOf, topicOf, Topics } from './topics.js'

const topics = new Topics<Socket>()
let sequence = 0

function chunk(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
}

const server = createServer((request, response) => {
  const topic = topicOf(request.url)
  if (request.method === 'POST') {
    void bodyOf(request).then((body) => {
      const event = chunk(`id: floor-${++sequence}\ndata: ${body.toString()}\n\n`)
      for (const socket of topics.of(topic)) socket.write(event)
      response.writeHead(202, { 'content-length': 0 }).end()
    })
    return
  }
  const socket = response.socket!
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.flushHeaders()
  socket.write(chunk('retry: 2000\n\n'))
  topics.add(topic, socket)
  socket.on('close', () => topics.remove(topic, socket))
})

server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  announce((server.address() as AddressInfo).port)
})
