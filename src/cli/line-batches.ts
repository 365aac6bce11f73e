import type { Readable } from 'node:stream'
import { InputError } from './push-events.js'

/** An event that waits to be pushed. */
export interface PendingEvent {
  readonly json: string
  /** The length of `json` in UTF-8. */
  readonly bytes: number
  /** The line of the input that it stands on, from 1; undefined when it is no line. */
  readonly line?: number
}

// The service takes 1,000 events and, unless told otherwise, 8 MiB at once.
const mostEvents = 1_000
const mostBytes = 2 ** 20
// Reading goes on while less than a few batches wait: the next one is ready, the file is not held.
const enoughEvents = 4 * mostEvents
const enoughBytes = 4 * mostBytes
const longestLine = 64 * 2 ** 20

/** What was read and is not yet pushed, between the one who reads and the one who pushes. */
interface Backlog {
  readonly events: PendingEvent[]
  bytes: number
  /** Set when nothing more will come; `error` says why, where that is not the input's end. */
  end?: { readonly error?: unknown }
  /** Rung when there is more to push, or nothing more will come. */
  readonly arrival: Bell
  /** Rung when there is less to push. */
  readonly room: Bell
}

const lineFeed = 0x0a
/** A byte order mark is left where it is: what a line is, its event says. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Makes the JSON of the event that a line is; undefined when it is none. */
type EncodeLine = (text: string, line: number) => string | undefined

/**
 * Reads lines and gives them out as batches of events: at once what has come so far, up to 1,000
 * events or about 1 MiB, while reading goes on beside. It ends with the input, or when `stop` is
 * aborted. A line that `encode` refuses ends it too, after the events before that line, with an
 * InputError that names the line. However it ends, the input is let go.
 */
export async function* lineBatches(
  input: Readable,
  encode: EncodeLine,
  stop: AbortSignal,
): AsyncGenerator<PendingEvent[], void, undefined> {
  const backlog: Backlog = { events: [], bytes: 0, arrival: bell(), room: bell() }
  const letGo = () => {
    input.destroy()
    backlog.arrival.ring()
  }
  stop.addEventListener('abort', letGo, { once: true })
  void readAll(input, encode, backlog)
  try {
    while (!stop.aborted) {
      if (backlog.events.length > 0) yield takeBatch(backlog)
      else if (backlog.end === undefined) await backlog.arrival.rung()
      else if (backlog.end.error === undefined) return
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- what the input failed with
      else throw backlog.end.error
    }
  } finally {
    stop.removeEventListener('abort', letGo)
    input.destroy()
  }
}

async function readAll(input: Readable, encode: EncodeLine, backlog: Backlog): Promise<void> {
  try {
    await readLines(input, encode, backlog)
    backlog.end = {}
  } catch (error) {
    backlog.end = { error }
  }
  backlog.arrival.ring()
}

async function readLines(input: Readable, encode: EncodeLine, backlog: Backlog): Promise<void> {
  let line = 0
  for await (const texts of lineGroups(input)) {
    for (const text of texts) {
      line += 1
      const json = named(line, () => {
        if (text === undefined) throw new InputError('this is not UTF-8')
        return encode(text, line)
      })
      if (json === undefined) continue
      const bytes = Buffer.byteLength(json)
      backlog.events.push({ json, bytes, line })
      backlog.bytes += bytes
    }
    backlog.arrival.ring()
    while (backlog.events.length > enoughEvents || backlog.bytes > enoughBytes) {
      await backlog.room.rung()
    }
  }
}

function takeBatch(backlog: Backlog): PendingEvent[] {
  let bytes = 0
  let count = 0
  for (const event of backlog.events) {
    if (count > 0 && (count === mostEvents || bytes + event.bytes > mostBytes)) break
    bytes += event.bytes
    count += 1
  }
  backlog.bytes -= bytes
  backlog.room.ring()
  return backlog.events.splice(0, count)
}

/**
 * The lines of each chunk, without LF or CRLF, and undefined for one that is not UTF-8. What follows the
 * last line end is a line, if any.
 */
async function* lineGroups(
  input: Readable,
): AsyncGenerator<(string | undefined)[], void, undefined> {
  let rest: Buffer[] = []
  let restBytes = 0
  for await (const chunk of input as AsyncIterable<Buffer>) {
    const end = chunk.lastIndexOf(lineFeed)
    if (end !== -1) {
      yield linesOf(Buffer.concat([...rest, chunk.subarray(0, end)]))
      rest = []
      restBytes = 0
    }
    const begun = chunk.subarray(end + 1)
    rest.push(begun)
    restBytes += begun.length
    if (restBytes > longestLine) {
      throw new InputError('the last line that was read is longer than 64 MiB')
    }
  }
  if (restBytes > 0) yield linesOf(Buffer.concat(rest))
}

function linesOf(bytes: Buffer): (string | undefined)[] {
  const text = decoded(bytes)
  if (text !== undefined) return text.split('\n').map(withoutCr)
  const lines: (string | undefined)[] = []
  for (let at = 0; at <= bytes.length;) {
    const next = bytes.indexOf(lineFeed, at)
    const end = next === -1 ? bytes.length : next
    const line = decoded(bytes.subarray(at, end))
    lines.push(line === undefined ? undefined : withoutCr(line))
    at = end + 1
  }
  return lines
}

function decoded(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

function withoutCr(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}

function named<T>(line: number, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof InputError ? new InputError(`line ${line}: ${error.message}`) : error
  }
}

/** What one side waits on and the other rings. A ring that nobody waits for is not kept. */
interface Bell {
  ring(): void
  rung(): Promise<void>
}

function bell(): Bell {
  let answer = () => {}
  return {
    ring: () => answer(),
    rung: () => new Promise((resolve) => (answer = resolve)),
  }
}
