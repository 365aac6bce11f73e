import type { Examination } from '../examination.js'
import { ok, problem, unknown, type Finding } from '../finding.js'
import type { ProbeStream } from '../probe-stream.js'
import type { ProbeWebSocket } from '../probe-websocket.js'

/** What a heartbeat may be late by, in milliseconds. */
const graceMs = 2_000

/** How long a quiet stream is held, in milliseconds. */
export function holdMs({ idleMs }: Examination, heartbeatMs: number): number {
  return idleMs ?? 2 * heartbeatMs + graceMs
}

/** Whether a stream on which nothing comes but heartbeats stays, and whether they come. */
export async function checkIdleStream(
  examination: Examination,
  stream: ProbeStream,
): Promise<Finding> {
  const { opening } = stream
  if (opening === undefined) return unknown('idle stream', 'no stream opened')
  return held('idle stream', 'idle', 'a heartbeat', {
    holdMs: holdMs(examination, opening.heartbeatMs),
    heartbeatMs: opening.heartbeatMs,
    since: opening.at,
    until: (condition, ms) => stream.until(condition, ms),
    lastAt: () => stream.lastBytesAt,
    ended: () => stream.ended,
    bye: () => stream.bye,
  })
}

/** The same for a WebSocket, which is kept alive by pings. */
export async function checkIdleWebSocket(
  examination: Examination,
  socket: ProbeWebSocket,
): Promise<Finding> {
  const { heartbeatMs } = socket
  if (heartbeatMs === undefined) return unknown('idle websocket', 'none opened')
  return held('idle websocket', 'idle-websocket', 'a ping', {
    holdMs: holdMs(examination, heartbeatMs),
    heartbeatMs,
    since: performance.now(),
    until: (condition, ms) => socket.until(condition, ms),
    lastAt: () => socket.lastFrameAt,
    ended: () => socket.ended,
    bye: () => socket.bye,
  })
}

/** What is held, whichever of the two. */
interface Held {
  readonly holdMs: number
  readonly heartbeatMs: number
  readonly since: number
  until(condition: () => boolean, ms: number): Promise<boolean>
  lastAt(): number | undefined
  ended(): { readonly why: string; readonly at: number } | undefined
  bye(): string | undefined
}

async function held(
  check: 'idle stream' | 'idle websocket',
  code: 'idle' | 'idle-websocket',
  heartbeat: string,
  hold: Held,
): Promise<Finding> {
  const end = hold.since + hold.holdMs
  let beats = 0
  for (;;) {
    const last = hold.lastAt() ?? hold.since
    const waitMs = Math.min(end - performance.now(), hold.heartbeatMs + graceMs)
    if (waitMs <= 0) break
    if (await hold.until(() => (hold.lastAt() ?? 0) > last, waitMs)) {
      beats += 1
      continue
    }
    const ended = hold.ended()
    if (ended !== undefined) {
      const seconds = ((ended.at - hold.since) / 1000).toFixed(1)
      const bye = hold.bye()
      if (bye !== undefined) return unknown(check, `the service ended it by itself (${bye})`)
      return problem(check, code, `it was cut after ${seconds} s: ${ended.why}`)
    }
    // A timer may fire a little before its time.
    if (performance.now() - last > hold.heartbeatMs + graceMs - 50) {
      return problem(
        check,
        'buffering',
        `${heartbeat} did not come, which is due each ${hold.heartbeatMs / 1000} s`,
      )
    }
  }
  const times = `${beats} ${beats === 1 ? 'time' : 'times'}`
  return ok(check, `held for ${Math.round(hold.holdMs / 1000)} s, ${heartbeat} came ${times}`)
}
