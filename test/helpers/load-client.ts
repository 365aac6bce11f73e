import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'

const program = new URL('../../test/helpers/load-client.mjs', import.meta.url).pathname

/** Many streams, held by a process of their own. */
export interface LoadClient {
  /** How many whole events the streams got: the one that got fewest, and all. */
  counts(): Promise<{ least: number; total: number }>
  end(): void
}

/**
 * Opens streams from another process; resolves once each got its opening event.
 *
 * @param path where to; a `@` in it is the number of the stream, from 0.
 */
export async function openStreams(
  t: Test,
  port: number,
  streams: number,
  path: string,
): Promise<LoadClient> {
  const child = fork(program, [String(port), String(streams), path])
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'message')
  return {
    async counts() {
      child.send('counts')
      const [counts] = (await once(child, 'message')) as [{ least: number; total: number }]
      return counts
    },
    end: () => child.disconnect(),
  }
}
