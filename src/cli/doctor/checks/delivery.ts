import { ask, type Answer } from '../ask.js'
import { answerMs, eventMs, lateMs, type Examination } from '../examination.js'
import { ok, problem, unknown, type Finding } from '../finding.js'
import type { ProbeStream } from '../probe-stream.js'
import { epochOf } from '../seen-logs.js'

/** What became of a push. */
export interface Pushed {
  readonly id: string
  /** When it was accepted, by `performance.now()`. */
  readonly at: number
}

/** What is pushed, in bytes; the one that fills buffers last, once the small ones had their time. */
const sizes = [16, 16, 16, 16_000]
/** Between two pushes, in milliseconds, so that what is bunched can be told from what is not. */
const spaceMs = 150

/**
 * Whether what the service writes arrives when it is written: the head and the opening, and, where
 * the credential may push, events.
 *
 * @param wayMs how long a plain answer takes.
 */
export async function checkDelivery(
  examination: Examination,
  stream: ProbeStream,
  wayMs: number,
): Promise<Finding> {
  const patience = lateMs + 2 * wayMs
  await stream.until(() => stream.opening !== undefined, answerMs / 2)
  const { head, opening, startedAt } = stream
  if (head !== undefined && head.status !== 200) return refused(stream)
  if (opening === undefined) {
    const what = head === undefined ? 'neither head nor opening event came' : 'only the head came'
    return held(`${what} within ${answerMs / 2000} s`)
  }
  const openingMs = opening.at - startedAt
  if (openingMs > patience) return held(`the opening event took ${seconds(openingMs)}`)
  return checkEvents(examination, stream, patience)
}

async function checkEvents(
  examination: Examination,
  stream: ProbeStream,
  patience: number,
): Promise<Finding> {
  const pushed: Pushed[] = []
  for (const bytes of sizes) {
    if (bytes > 16) await stream.until(() => stream.events.length >= pushed.length, eventMs)
    const answer = await push(examination, bytes)
    if (answer instanceof Error || answer.status !== 202) return mayNotPush(answer)
    const id = String(answer.json?.['id'])
    examination.logs.note(id)
    pushed.push({ id, at: performance.now() })
    await new Promise((resolve) => setTimeout(resolve, spaceMs))
  }
  await stream.until(() => stream.events.length >= sizes.length, eventMs)
  const delays = pushed.map(({ id, at }) => {
    const arrival = stream.events.find((event) => event.id === id)
    return arrival === undefined ? Infinity : Math.max(0, arrival.at - at)
  })
  const missing = pushed.filter((_, index) => delays[index] === Infinity)
  const slowest = Math.max(...delays)
  if (missing.length > 0) return lost(stream, missing)
  if (slowest > patience) return held(`an event took ${seconds(slowest)}`)
  return ok('buffering', `head at once, ${sizes.length} events within ${Math.ceil(slowest)} ms`)
}

/** Held back, or never meant for this stream: then the log that it hangs on is another. */
function lost(stream: ProbeStream, missing: readonly Pushed[]): Finding {
  const text = `${missing.length} of ${sizes.length} events did not come within ${seconds(eventMs)}`
  const own = epochOf(stream.opening?.id)
  return missing.every(({ id }) => epochOf(id) !== own)
    ? problem('buffering', 'nodes', `${text}: they went to a node with another log`)
    : held(text)
}

function mayNotPush(answer: Answer | Error): Finding {
  const why = answer instanceof Error ? answer.message : (answer.code ?? String(answer.status))
  return unknown(
    'buffering',
    `head and opening event came at once; for more, events have to be pushed, and cannot (${why})`,
  )
}

function refused({ refusal, head }: ProbeStream): Finding {
  return unknown('buffering', `the stream is refused (${refusal ?? head?.status ?? 'no answer'})`)
}

function held(text: string): Finding {
  return problem('buffering', 'buffering', text)
}

/** Pushes an event of about so many bytes to the topic of the examination. */
export function push(examination: Examination, bytes: number): Promise<Answer | Error> {
  const { topic } = examination
  return ask(examination, '/api/push', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ topic, event: 'doctor', data: 'x'.repeat(bytes) }),
  }).catch((error: unknown) => error as Error)
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
