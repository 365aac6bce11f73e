import { write, writeSync } from 'node:fs'

/** What waits for a slow reader or a full disk, in bytes; lines beyond that are dropped. */
const backlogBytes = 4 * 1024 * 1024
/** After these times what could not be written is tried again, in milliseconds. */
const [fullPipeMs, failedMs] = [100, 1000]
/** How long the end of the process waits for what is not written yet, in milliseconds. */
const endMs = 500
/** How long the process sleeps for a full pipe when nothing else goes on any more, in milliseconds. */
const pollMs = 5
const sleeper = new Int32Array(new SharedArrayBuffer(4))

/**
 * Writes lines to a descriptor from a thread of its own, in their order. Whatever becomes of them is no
 * error of the service: what cannot be written waits, and is tried again. (`sonic-boom`, which pino comes
 * with, lets the process end of a second error, as of a full disk, and when it is to flush, tries for ever.)
 */
export class LineSink {
  readonly #descriptor: number
  readonly #mostAtOnce: number
  readonly #onDropped: (lines: number) => void
  #lines: string[] = []
  /** What is being written, or could not be. */
  #chunk: Buffer | undefined
  #bytes = 0
  #dropped = 0
  #isWriting = false
  #retry: NodeJS.Timeout | undefined
  #onEmpty: (() => void) | undefined

  /**
   * @param options.mostAtOnce how many bytes are written with one call, but for a line that has more.
   * @param options.onDropped told how many lines were dropped, once there is room again.
   */
  constructor(
    descriptor: number,
    { mostAtOnce, onDropped }: { mostAtOnce: number; onDropped: (lines: number) => void },
  ) {
    this.#descriptor = descriptor
    this.#mostAtOnce = mostAtOnce
    this.#onDropped = onDropped
    process.once('exit', () => {
      this.#writeRest()
    })
  }

  /** Takes a line, with its end. */
  write(line: string): void {
    const bytes = Buffer.byteLength(line)
    if (this.#bytes + bytes > backlogBytes) {
      this.#dropped++
      return
    }
    this.#lines.push(line)
    this.#bytes += bytes
    this.#next()
  }

  /** Calls back once all is written; after half a second all the same. */
  end(done: () => void): void {
    setTimeout(done, endMs)
    this.#onEmpty ??= done
    if (this.#bytes === 0) done()
  }

  #next(): void {
    if (this.#isWriting || this.#retry !== undefined) return
    this.#chunk ??= this.#take()
    if (this.#chunk === undefined) return
    this.#isWriting = true
    write(this.#descriptor, this.#chunk, (error, written) => {
      this.#isWriting = false
      if (error === null) this.#written(written)
      else this.#failed(error)
    })
  }

  #written(bytes: number): void {
    this.#bytes -= bytes
    const rest = this.#chunk!.subarray(bytes)
    this.#chunk = rest.length > 0 ? rest : undefined
    if (this.#bytes > 0) {
      this.#next()
      return
    }
    const dropped = this.#dropped
    this.#dropped = 0
    if (dropped > 0) this.#onDropped(dropped)
    else this.#onEmpty?.()
  }

  #failed({ code }: NodeJS.ErrnoException): void {
    const ms = code === 'EAGAIN' ? fullPipeMs : failedMs
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#next()
    }, ms).unref()
  }

  /** The next lines, as many as are written at once. */
  #take(): Buffer | undefined {
    let [count, length] = [0, 0]
    for (const line of this.#lines) {
      length += Buffer.byteLength(line)
      if (count > 0 && length > this.#mostAtOnce) break
      count++
    }
    return count === 0 ? undefined : Buffer.from(this.#lines.splice(0, count).join(''))
  }

  /** The process ends, perhaps by a fault that the last lines tell of: they have half a second. */
  #writeRest(): void {
    // What is being written is written, by its thread.
    const chunk = this.#isWriting ? undefined : this.#chunk
    let rest = Buffer.concat([chunk ?? Buffer.alloc(0), Buffer.from(this.#lines.join(''))])
    const deadline = performance.now() + endMs
    while (rest.length > 0 && performance.now() < deadline) {
      try {
        rest = rest.subarray(writeSync(this.#descriptor, rest))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
        Atomics.wait(sleeper, 0, 0, pollMs)
      }
    }
  }
}
