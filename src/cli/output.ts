import type { Writable } from 'node:stream'

/** Standard output as a command sees it that may write for days. */
export interface Output {
  /** Resolves when there is room for more, or nobody reads any longer; it never rejects. */
  write(text: string): Promise<void>
  /** Aborted with the stream's error when it takes nothing any longer. */
  readonly gone: AbortSignal
}

/** Opens a stream for writing with backpressure: a slow reader makes a slow writer. */
export function openOutput(stream: Writable): Output {
  const gone = new AbortController()
  stream.on('error', (error) => gone.abort(error))
  stream.on('close', () => gone.abort(new Error('closed')))
  return {
    gone: gone.signal,
    async write(text) {
      if (!gone.signal.aborted && !stream.write(text)) await roomIn(stream, gone.signal)
    },
  }
}

/**
 * The exit code of a command whose output is gone: 0 when its reader had enough, as `head` does;
 * else 1, and `tell` gets the reason.
 */
export function exitCodeOfGone(gone: AbortSignal, tell: (reason: string) => void): number {
  const error = gone.reason as NodeJS.ErrnoException
  if (error.code === 'EPIPE') return 0
  tell(`cannot write to standard output: ${error.message}`)
  return 1
}

function roomIn(stream: Writable, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done)
      gone.removeEventListener('abort', done)
      resolve()
    }
    stream.once('drain', done)
    gone.addEventListener('abort', done, { once: true })
  })
}
