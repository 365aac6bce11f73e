import { execFile, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { parseSettings } from '../../dist/settings.js'
import { ask } from '../helpers/ask.js'
import { openStream } from '../helpers/sse-client.js'
import { bearer } from '../helpers/tokens.js'
import { until } from '../helpers/until.js'
import { lastOf, readDockerfile, words } from './dockerfile.js'
import { makeImage, whyNoImage, type Image } from './image.js'
import { composition, project, shipped } from './shipped.js'

const skip = whyNoImage()
const image = skip === false ? await makeImage(t) : (undefined as unknown as Image)

/** What a process says until it ends, and its exit code. */
async function end(child: ChildProcess): Promise<{ code: number | null; said: string }> {
  let said = ''
  for (const output of [child.stdout!, child.stderr!]) {
    output.on('data', (text: Buffer) => (said += text.toString()))
  }
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, said }
}

t.test('the build is given what it copies, and nothing else of the folder', async (t) => {
  const [all, ...given] = readFileSync(`${project}/.dockerignore`, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  t.equal(all, '*')
  const copies = readDockerfile(shipped('Dockerfile')).flatMap(({ instructions }) =>
    instructions.filter(({ name, flags }) => name === 'COPY' && !flags.has('from')),
  )
  const copied = copies.flatMap(({ rest }) => rest.split(/\s+/).slice(0, -1))
  t.same(given.toSorted(), [...new Set(copied)].map((name) => `!${name}`).toSorted())
})

t.test('every stage is of one Node, a line with long-term support', async (t) => {
  const from = readDockerfile(shipped('Dockerfile')).map((stage) => stage.from)
  t.equal(new Set(from).size, 1)
  const [, major] = /^node:(\d+)-slim$/.exec(from[0]!)!
  t.equal(Number(major) % 2, 0)
})

t.test('without a credential it says what to do, and does not start', { skip }, async (t) => {
  const { code, said } = await end(image.run())
  t.equal(code, 2)
  t.match(said, 'RINGCAST_API_KEYS')
})

t.test('it serves, is found healthy, and drains on its stop signal', { skip }, async (t) => {
  const key = 'a-key-that-is-long-enough'
  const child = image.run({
    RINGCAST_API_KEYS: key,
    RINGCAST_PORT: '0',
    RINGCAST_STORE: 'file:/var/lib/ringcast/log',
  })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = end(child)
  let log = ''
  child.stdout!.on('data', (text: Buffer) => (log += text.toString()))
  const listening = /listening on http:\/\/127\.0\.0\.1:(\d+)/
  await until(() => listening.test(log), 'it to listen')
  const port = Number(listening.exec(log)![1])
  const headers = { 'content-type': 'application/json', ...bearer(key) }
  const stream = await openStream(t, port, '/events', { headers: bearer(key) })
  const pushed = { method: 'POST', headers, body: '{"data":1}' }
  t.match(await ask(`http://127.0.0.1:${port}/api/push`, pushed), { status: 202 })
  await stream.received(1)
  t.match(await ask(`http://127.0.0.1:${port}/`), { status: 200 })

  const [program, ...args] = words(lastOf(image.stage, 'HEALTHCHECK'))
  const check = promisify(execFile)
  const env = { ...process.env, RINGCAST_PORT: String(port) }
  await check(program!, args, { env })
  child.kill(lastOf(image.stage, 'STOPSIGNAL').rest as NodeJS.Signals)
  t.match(await stream.told('bye'), { reason: 'shutdown' })
  t.match(await ended, { code: 0 })
  await t.rejects(check(program!, args, { env }), { code: 1 })
})

t.test('its user can write to the volumes, and to nothing else', { skip }, async (t) => {
  const write = (place: string): Promise<{ code: number | null }> =>
    end(image.run({}, ['sh', '-c', `echo 1 >${place}/x`]))
  t.match(await write('/var/lib/ringcast'), { code: 0 })
  for (const place of ['/ringcast', '/ringcast/dist', '/tmp']) {
    t.not((await write(place)).code, 0, place)
  }
  const { entrypoint, command } = composition().services['credentials']!
  const made = await end(image.run({}, [...entrypoint!, ...command!]))
  t.same(made, { code: 0, said: '' })
  const { said } = await end(image.run({}, ['sh', '-c', 'stat -c "%a %u %n" /etc/ringcast/*']))
  t.equal(said, '600 1000 /etc/ringcast/api.key\n600 1000 /etc/ringcast/jwt.secret\n')
  const token = ['ringcast', 'token', '--sub', 'ada']
  const file = { RINGCAST_JWT_SECRET_FILE: '/etc/ringcast/jwt.secret' }
  t.match(await end(image.run(file, token)), { code: 0, said: /^ey/ })
})

t.test('a drain is over before docker stop kills', async (t) => {
  const stage = readDockerfile(shipped('Dockerfile')).at(-1)!
  const set = lastOf(stage, 'ENV').rest.split(/\s+/)
  const env = Object.fromEntries(set.map((pair) => pair.split('=') as [string, string]))
  const { drainMs } = parseSettings([], env)
  t.ok(drainMs < 10_000)
  const { stop_grace_period: grace } = composition().services['node-1']!
  t.ok(drainMs < 1000 * Number.parseInt(grace!))
})
