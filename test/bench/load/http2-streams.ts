/*
 * Holds many event streams over HTTP/2 and TLS, so many of them on a connection, counts the whole
 * events that they get and reads latencies from the stamps in their data. It reads frames itself,
 * a connection's worth at a time: `node:http2` would make objects and calls of each of them.
 *
 *   node http2-streams.js PORT STREAMS-A-CONNECTION
 *
 * Of what `streams.c` is told it knows `open COUNT WINDOW body PATH`, `reset` and `await EVENTS
 * SECONDS`, and answers them the same. The time of an open stream is from its request to its first
 * blank line, with the handshake of its connection if it is the first there.
 */
import { createInterface } from 'node:readline'
import { Http2Connection } from './http2-connection.js'
import { nowNs, percentilesMs, StampedEvents, Tally } from './stamped-events.js'

const [port, perConnection] = process.argv.slice(2).map(Number) as [number, number]
const tally = new Tally()
const streams: StampedEvents[] = []
let connection: Http2Connection | undefined
let checkAwaited = (): void => {}

function answer(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

function fail(problem: string): never {
  process.stderr.write(`load: ${problem}\n`)
  process.exit(1)
}

/** The connection for the next stream. */
function connectionForNext(): Http2Connection {
  if (connection === undefined || streams.length % perConnection === 0) {
    connection = new Http2Connection(port, {
      onRead: (bytes) => {
        tally.bytes += bytes
        tally.reads++
      },
      afterRead: () => checkAwaited(),
      onClosed: (stream) => {
        if (!stream.isOpen) fail('a stream was closed before it was open')
        tally.closed++
      },
      fail,
    })
  }
  return connection
}

function open(count: number, atOnce: number, path: string): void {
  const startedNs = nowNs()
  const target = streams.length + count
  const tookNs: number[] = []
  const openNext = (): void => {
    const askedNs = nowNs()
    const stream = new StampedEvents(tally, () => {
      tookNs.push(nowNs() - askedNs)
      if (streams.length < target) openNext()
      else if (tookNs.length === count) {
        answer({ open: target, seconds: (nowNs() - startedNs) / 1e9, ...percentilesMs(tookNs) })
      }
    })
    const shared = connectionForNext()
    streams.push(stream)
    shared.request(path, stream)
  }
  while (streams.length < target && atOnce-- > 0) openNext()
}

function reset(): void {
  tally.reset()
  for (const stream of streams) stream.events = 0
  answer({})
}

function report(): void {
  const counts = streams.map(({ events }) => events)
  const { events, bytes, reads, closed, firstNs, lastNs, latencies } = tally
  answer({
    ...{ events, bytes, reads, closed, firstNs, lastNs },
    least: Math.min(...counts),
    most: Math.max(...counts),
    ...percentilesMs(latencies),
  })
}

function awaitEvents(wanted: number, seconds: number): void {
  const end = (): void => {
    clearTimeout(timer)
    checkAwaited = () => {}
    report()
  }
  const timer = setTimeout(end, seconds * 1000)
  checkAwaited = () => {
    if (tally.events >= wanted) end()
  }
  checkAwaited()
}

function obey(line: string): void {
  const [word, first, second, ready, path] = line.split(' ')
  if (word === 'open' && ready === 'body') open(Number(first), Number(second), path!)
  else if (word === 'reset') reset()
  else if (word === 'await') awaitEvents(Number(first), Number(second))
  else fail(`what is ${line}`)
}

createInterface({ input: process.stdin })
  .on('line', obey)
  .on('close', () => process.exit())
