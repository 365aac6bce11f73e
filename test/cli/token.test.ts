import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import t from 'tap'
import { runCommand } from '../../dist/cli/commands.js'
import { startApp } from '../helpers/app.js'
import { jwtSecret } from '../helpers/tokens.js'
import { until } from '../helpers/until.js'
import { fakeIo } from './fake-io.js'

const secretEnv = { RINGCAST_JWT_SECRET: jwtSecret }

async function run(argv: string[], env: NodeJS.ProcessEnv = secretEnv) {
  const io = fakeIo(env)
  const exitCode = await runCommand(['token', ...argv], io)
  return { exitCode, stdout: io.stdout.text(), stderr: io.stderr.text() }
}

t.test('a token has the user, the grants and an end', async (t) => {
  const flags = ['--sub', 'ada', '--subscribe', 'a/*', '--subscribe=b', '--publish', 'c', '--admin']
  const { exitCode, stdout } = await run([...flags, '--expires', '90s'])
  t.equal(exitCode, 0)
  t.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/)
  t.same(decodeJwt(stdout.trim()), {
    sub: 'ada',
    ringcast: { subscribe: ['a/*', 'b'], publish: ['c'], admin: true },
    iat: 1000,
    exp: 1090,
  })
})

t.test('without options it is an hour of what is public', async (t) => {
  t.same(decodeJwt((await run([])).stdout.trim()), { ringcast: {}, iat: 1000, exp: 4600 })
  t.same(decodeJwt((await run(['--expires', '0'])).stdout.trim()), { ringcast: {}, iat: 1000 })
})

t.test('it is made as the settings of the service have it', async (t) => {
  const path = join(t.testdir(), 'secret')
  writeFileSync(path, `${jwtSecret}\n`)
  const { stdout } = await run(['--sub', 'ada'], {
    RINGCAST_JWT_SECRET_FILE: path,
    RINGCAST_JWT_CLAIM: 'https://x.example/push',
    RINGCAST_JWT_USER_CLAIM: 'uid',
    RINGCAST_JWT_AUDIENCE: 'push',
    RINGCAST_JWT_ISSUER: 'me',
  })
  t.match(decodeJwt(stdout.trim()), {
    uid: 'ada',
    'https://x.example/push': {},
    aud: 'push',
    iss: 'me',
  })
})

t.test('what cannot be followed is one line, and exit code 2', async (t) => {
  for (const [argv, env, line] of [
    [
      [],
      {},
      /^ringcast: token needs the secret that the service has, as RINGCAST_JWT_SECRET or .*\n$/,
    ],
    [[], { RINGCAST_JWT_SECRET: 'weak' }, /^ringcast: RINGCAST_JWT_SECRET: what it has is not/],
    [['ada'], secretEnv, /takes no "ada"; a user is given as --sub/],
    [['--subscribe', 'a/**/b'], secretEnv, /--subscribe: "a\/\*\*\/b" may have \*\* as its last/],
    [['--publish', '$sys/x'], secretEnv, /--publish: "\$sys\/x" is the service’s/],
    [['--sub='], secretEnv, /--sub: "" must not be empty/],
    [['--expires', '1 h'], secretEnv, /--expires: "1 h" is not a duration/],
  ] as const) {
    const { exitCode, stdout, stderr } = await run([...argv], env)
    t.same([exitCode, stdout], [2, ''])
    t.match(stderr, line)
  }
})

t.test('with such a token push and tail do what it grants', async (t) => {
  const app = await startApp(t, { jwtSecret })
  const { stdout } = await run(['--subscribe', 'log/**', '--publish', 'log/*', '--expires', '0'])
  const env = { RINGCAST_URL: app.url, RINGCAST_TOKEN: stdout.trim() }
  const tailIo = fakeIo(env)
  const tail = runCommand(['tail', '--topic', 'log/**', '--json'], tailIo)
  await until(() => app.hub.streams.size === 1, 'the stream of tail')
  const pushIo = fakeIo(env)
  t.equal(await runCommand(['push', '--topic', 'log/a', 'hello'], pushIo), 0)
  await tailIo.stdout.until(/hello/)
  tailIo.interrupt('SIGINT')
  t.equal(await tail, 130)
  for (const argv of [
    ['push', '--topic', 'other', 'x'],
    ['tail', '--topic', 'other'],
  ]) {
    const io = fakeIo(env)
    t.equal(await runCommand(argv, io), 1)
    t.match(io.stderr.text(), /"other" is not granted to this credential \(RINGCAST_FORBIDDEN\)/)
  }
  const io = fakeIo({ RINGCAST_URL: app.url })
  t.equal(await runCommand(['tail'], io), 1)
  t.match(io.stderr.text(), /needs a credential.* \(RINGCAST_UNAUTHENTICATED\)/)
})
