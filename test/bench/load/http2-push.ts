/*
 * Pushes over HTTP/2 and TLS, one request in flight on each connection, and reports how it went:
 * `push.c` for the few a second that a paced load needs. It costs more, so it is not for a flood, and
 * knows no numbers.
 *
 *   node http2-push.js PORT CONNECTIONS COUNT RATE PATH CONTENT-TYPE BODY
 */
import { once } from 'node:events'
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { nowNs, percentilesMs } from './stamped-events.js'

const [port, connections, count, rate] = process.argv.slice(2, 6).map(Number) as [
  number,
  number,
  number,
  number,
]
const [path, type, body] = process.argv.slice(6) as [string, string, string]
const stamp = /(?<=~)0{19}/g
const intervalNs = rate > 0 ? 1e9 / rate : 0
const tookNs: number[] = []
const refusals: string[] = []
let sent = 0

/** Pushes once, and answers its status and its body. */
async function push(session: ClientHttp2Session): Promise<[number, string]> {
  const request = session.request({ ':method': 'POST', ':path': path, 'content-type': type })
  request.end(body.replace(stamp, String(nowNs()).padStart(19, '0')))
  const [head] = (await once(request, 'response')) as [IncomingHttpHeaders & { ':status': number }]
  return [head[':status'], await text(request)]
}

async function pushAll(session: ClientHttp2Session, startedNs: number): Promise<void> {
  while (sent < count) {
    const dueNs = intervalNs > 0 ? startedNs + sent * intervalNs : nowNs()
    sent++
    await pause(Math.max((dueNs - nowNs()) / 1e6, 0))
    const [status, answer] = await push(session)
    tookNs.push(nowNs() - dueNs)
    if (status < 200 || status > 299) refusals.push(`${status} ${answer}`)
  }
}

const sessions = await Promise.all(
  Array.from({ length: connections }, async () => {
    const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
    await once(session, 'connect')
    return session
  }),
)
const startedNs = nowNs()
await Promise.all(sessions.map((session) => pushAll(session, startedNs)))
const pushed = {
  accepted: count - refusals.length,
  refused: refusals.length,
  firstRefusal: refusals[0] ?? '',
  startedNs,
  seconds: (nowNs() - startedNs) / 1e9,
  ...percentilesMs(tookNs),
}
process.stdout.write(`${JSON.stringify(pushed)}\n`)
process.exit()
