// Holds many streams in a process of its own and counts the whole events that they get.
// node load-client.mjs PORT STREAMS PATH — says {open} and, when asked, {least, total}. A @ in PATH is
// the number of the stream.
import { connect } from 'node:net'

const [port, streams, path] = process.argv.slice(2)
// A blank line ends an event; the first two end the head and the opening event.
const counts = new Array(Number(streams)).fill(-2)
/** Handshakes on the way at once: more would only wait in the kernel's queue. */
const atOnce = 500
let [next, open] = [0, 0]

function openNext() {
  if (next === counts.length) return
  const index = next++
  const socket = connect(Number(port), '127.0.0.1')
  socket.write(`GET ${path.replace('@', index)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`)
  let newlines = 0
  socket.on('data', (bytes) => {
    for (const byte of bytes) {
      if (byte !== 10) {
        if (byte !== 13) newlines = 0
      } else if (++newlines === 2 && ++counts[index] === 0) {
        openNext()
        if (++open === counts.length) process.send({ open })
      }
    }
  })
  socket.on('error', () => {})
}

for (let i = 0; i < atOnce; i++) openNext()
process.on('message', () => {
  process.send({
    least: counts.reduce((a, b) => Math.min(a, b)),
    total: counts.reduce((a, b) => a + b),
  })
})
process.on('disconnect', () => process.exit())
