import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough, Writable } from 'node:stream'
import type { Test } from 'tap'
import { Interrupted, type Io } from '../../dist/cli/io.js'

/** A stream that keeps what is written to it. */
export function collector() {
  let text = ''
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      text += chunk
      done()
      stream.emit('text')
    },
  })
  return Object.assign(stream, {
    text: () => text,
    async until(pattern: RegExp) {
      while (!pattern.test(text)) await once(stream, 'text')
    },
  })
}

/** A world in which waiting takes no time, and that tells how long was waited for. */
export function fakeIo(env: NodeJS.ProcessEnv = {}) {
  const interrupt = new AbortController()
  const stderr: ReturnType<typeof collector> & { isTTY?: boolean } = collector()
  const world = {
    clock: 1_000_000,
    slept: [] as number[],
    ticks: new Set<() => void>(),
    stdin: new PassThrough(),
    stdout: collector(),
    stderr,
    env,
    now: () => world.clock,
    random: () => 0.5,
    sleep(ms: number): Promise<void> {
      world.slept.push(ms)
      world.clock += ms
      return Promise.resolve()
    },
    every(_ms: number, tick: () => void) {
      world.ticks.add(tick)
      return () => void world.ticks.delete(tick)
    },
    interrupted: () => interrupt.signal,
    interrupt: (signal: 'SIGINT' | 'SIGTERM') => interrupt.abort(new Interrupted(signal)),
    /** Lets time pass for what looks at the clock. */
    pass(ms: number) {
      world.clock += ms
      for (const tick of world.ticks) tick()
    },
  }
  return world satisfies Io
}

/** A service of which the test is the whole behaviour. */
export async function fakeService(
  t: Pick<Test, 'teardown'>,
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<string> {
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => (body += chunk))
    request.on('end', () => answer(request, response, body))
  })
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An address at which nobody listens. */
export async function deadAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `http://127.0.0.1:${port}`
}
