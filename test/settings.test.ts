import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  defaultSettings,
  describeSettings,
  parseSettings,
  SettingsError,
  settingsHelp,
  settingsTable,
  unheardVariables,
} from '../dist/settings.js'

/** The one line that settings are refused with. */
function refusal(flags: string[], env: NodeJS.ProcessEnv = {}): string {
  try {
    parseSettings(flags, env)
  } catch (error) {
    if (error instanceof SettingsError) return error.message
    throw error
  }
  return 'accepted'
}

t.test('a service that was told nothing has the defaults of the contract', async (t) => {
  t.same(defaultSettings(), {
    host: '127.0.0.1',
    port: 8080,
    internalPort: undefined,
    workers: 1,
    store: 'memory:',
    ringEvents: 65_536,
    ringBytes: 64 * 1024 * 1024,
    catchUpBytes: 16 * 1024 * 1024,
    retainEvents: 1_000_000,
    retainForMs: 86_400_000,
    retainBytes: 1024 ** 3,
    heartbeatMs: 15_000,
    deadPeerMs: 60_000,
    stalledStreamMs: 60_000,
    maxStreamAgeMs: 0,
    maxEventBytes: 64 * 1024,
    maxBodyBytes: 8 * 1024 * 1024,
    maxStreams: 0,
    maxStreamsPerUser: 0,
    maxStreamsPerAddress: 0,
    pushesPerSecond: 0,
    drainMs: 10_000,
    origins: [],
    anonymous: 'none',
    apiKeys: [],
    jwtSecret: '',
    jwtPublicKey: '',
    jwksUrl: '',
    jwtAudience: '',
    jwtIssuer: '',
    jwtClaim: 'ringcast',
    jwtUserClaim: 'sub',
    userGrants: [],
    trustProxy: false,
    tlsCert: '',
    tlsKey: '',
    logLevel: 'info',
  })
})

t.test('flags beat RINGCAST_ variables, which beat a plain PORT', async (t) => {
  const plain = { PORT: '1' }
  const both = { ...plain, RINGCAST_PORT: '2' }
  t.equal(parseSettings([], plain).port, 1)
  t.equal(parseSettings([], both).port, 2)
  t.equal(parseSettings(['--port', '3'], both).port, 3)
})

t.test('a flag takes its value after a space or an equals sign', async (t) => {
  t.equal(parseSettings(['--ring-events', '1000'], {}).ringEvents, 1000)
  t.equal(parseSettings(['--ring-events=1000'], {}).ringEvents, 1000)
})

t.test('an empty variable counts as not set', async (t) => {
  t.same(parseSettings([], { RINGCAST_HOST: '', PORT: '' }), defaultSettings())
})

t.test('durations and sizes are read in the units that people write', async (t) => {
  const { drainMs, heartbeatMs, maxStreamAgeMs, ringBytes, maxBodyBytes, maxEventBytes } =
    parseSettings([], {
      RINGCAST_DRAIN: '5m',
      RINGCAST_HEARTBEAT: '250ms',
      RINGCAST_MAX_STREAM_AGE: '24h',
      RINGCAST_RING_BYTES: '1GiB',
      RINGCAST_MAX_BODY_BYTES: '4096',
      RINGCAST_MAX_EVENT_BYTES: '512B',
    })
  t.same([drainMs, heartbeatMs, maxStreamAgeMs], [300_000, 250, 86_400_000])
  t.same([ringBytes, maxBodyBytes, maxEventBytes], [2 ** 30, 4096, 512])
  t.equal(parseSettings(['--drain', '0'], {}).drainMs, 0)
})

t.test(
  'a value that is none of its kind, or out of its limits, says what would be right',
  async (t) => {
    for (const [flag, value] of [
      ['port', '65536'],
      ['port', '80a'],
      ['port', '-1'],
      ['port', ''],
      ['port', '1e3'],
      ['internal-port', '65536'],
      ['internal-port', 'on'],
      ['internal-port', '0.5'],
      ['host', 'http://localhost'],
      ['host', 'localhost:80'],
      ['ring-events', '0'],
      ['ring-bytes', '64MB'],
      ['ring-bytes', '0.5GiB'],
      ['ring-bytes', '1KiB'],
      ['heartbeat', '15'],
      ['heartbeat', '15 s'],
      ['heartbeat', '0'],
      ['heartbeat', '1h'],
      ['max-stream-age', '10ms'],
      ['max-streams', '-1'],
      ['pushes-per-second', '1.5'],
      ['anonymous', 'some'],
      ['trust-proxy', 'on'],
      ['trust-proxy', '0'],
      ['trust-proxy', '101'],
      ['trust-proxy', '0.0.0.0/0'],
      ['trust-proxy', '10.0.0.0/33'],
      ['trust-proxy', '10.0.0.0/'],
      ['trust-proxy', '10.0.0.1,'],
      ['trust-proxy', '10.0.0.1,proxy.example'],
      ['log-level', 'verbose'],
    ] as const) {
      t.equal(
        refusal([`--${flag}=${value}`]),
        `--${flag}: "${value}" is not ${settingsTable[nameOf(flag)].accepts}`,
      )
    }
  },
)

t.test('a bad value of a variable names the variable', async (t) => {
  t.match(refusal([], { RINGCAST_PORT: 'x' }), /^RINGCAST_PORT: "x" is not a whole number from 0/)
  t.match(refusal([], { PORT: 'x' }), /^PORT: "x" is not/)
})

t.test('a log is memory:, a directory or a Redis, and a password is not repeated', async (t) => {
  const good = [
    ...['memory:', 'file:/var/lib/ringcast', 'file:log', 'file:./a b'],
    ...['redis://cache', 'rediss://me:s%40cret@cache:6380/2?prefix=app:', 'redis://[::1]:6379'],
  ]
  for (const store of good) t.equal(parseSettings(['--store', store], {}).store, store)
  const bad = [
    ...['file:', 'file', 'memory', '/var/lib', 'file:a\nb', 'redis:', 'redis://', 'redis://h:x'],
    ...['redis://h/db', 'redis://h?prefix=', 'redis://h?prefix=a b', 'redis://h?tls=1', 'REDIS:h'],
  ]
  for (const text of bad) {
    t.match(refusal(['--store', text]), /^--store: .* is not memory:, file: and a directory/, text)
  }
  t.match(
    refusal(['--store', 'redis://me:secret@cache/x']),
    /^--store: "redis:\/\/…@cache\/x" is not/,
  )
  t.match(refusal(['--store', '']), /^--store: it is empty, and to be memory:/)
})

t.test('the password of a Redis is not printed, and what is printed is not taken', async (t) => {
  const settings = parseSettings(['--store', 'redis://me:se:cret@cache:1/2?prefix=x:'], {})
  const printed = 'redis://me:(hidden)@cache:1/2?prefix=x:'
  t.match(describeSettings(settings), `\nSTORE=${printed}\n`)
  t.match(refusal(['--store', printed]), /is not memory:/)
  // An @ that should have been written as %40.
  for (const store of ['redis://me:hi@llo@cache', 'redis://me@here:hillo@cache'] as const) {
    t.notMatch(describeSettings({ ...settings, store }), 'llo')
  }
})

t.test('an unknown flag or variable is refused with the nearest known one', async (t) => {
  t.equal(refusal(['--ring-evnts', '9']), 'unknown flag --ring-evnts; the nearest is --ring-events')
  t.equal(refusal(['--print-confg']), 'unknown flag --print-confg; the nearest is --print-config')
  t.equal(
    refusal([], { RINGCAST_HEARTBEET: '1s' }),
    'unknown variable RINGCAST_HEARTBEET; the nearest is RINGCAST_HEARTBEAT',
  )
  t.match(refusal([], { RINGCAST_LOG_LEVEL_FILE: '/x' }), /the nearest is RINGCAST_LOG_LEVEL$/)
})

t.test('variables that Kubernetes sets for a service named ringcast are explained', async (t) => {
  t.match(refusal([], { RINGCAST_SERVICE_HOST: '10.0.0.1' }), /enableServiceLinks: false/)
})

t.test('what the other commands read of the environment does not disturb', async (t) => {
  const clients = { RINGCAST_URL: 'https://x', RINGCAST_TOKEN: 't', RINGCAST_TOKEN_FILE: 'f' }
  const env = { ...clients, HOST: 'ignored', OTHER: 'x' }
  t.same(parseSettings([], env), defaultSettings())
})

t.test('a flag without a value, given twice, or with a value too many is refused', async (t) => {
  t.equal(refusal(['--host']), '--host needs a value')
  t.match(refusal(['--host', '--port']), /^--host needs a value; one that starts with a dash/)
  t.equal(refusal(['--port', '1', '--port', '2']), '--port is given twice')
  t.equal(refusal(['--print-config=yes']), '--print-config takes no value')
  t.equal(refusal(['8080']), 'serve takes settings as flags only, not "8080"')
})

t.test('settings that do not go together are both named', async (t) => {
  t.equal(refusal(['--heartbeat', '40s']), 'DEAD_PEER (60s) must be at least twice HEARTBEAT (40s)')
  t.equal(
    refusal(['--max-body-bytes', '32KiB']),
    'MAX_EVENT_BYTES (64KiB) must be at most MAX_BODY_BYTES (32KiB)',
  )
  t.equal(
    refusal(['--ring-bytes', '128KiB']),
    'MAX_EVENT_BYTES (64KiB) must be at most a quarter of RING_BYTES (128KiB)',
  )
  t.equal(
    refusal(['--internal-port', '8080']),
    'INTERNAL_PORT (8080) must be another than PORT (8080)',
  )
  t.equal(parseSettings(['--heartbeat', '30s'], {}).heartbeatMs, 30_000)
  t.match(parseSettings(['--port', '0', '--internal-port', '0'], {}), { port: 0, internalPort: 0 })
})

t.test('origins are scheme, host and port, as browsers send them', async (t) => {
  const given = 'https://app.example.com, https://*.Example.com:443,http://[::1]:3000,*'
  t.same(parseSettings([], { RINGCAST_ORIGINS: given }).origins, [
    'https://app.example.com',
    'https://*.example.com',
    'http://[::1]:3000',
    '*',
  ])
  t.same(parseSettings(['--origins=capacitor://localhost'], {}).origins, ['capacitor://localhost'])
  for (const bad of [
    'app.example.com',
    'https://app.example.com/',
    'https://app.example.com/path',
    'https://app.*.com',
    'https://*',
    'https://a:99999',
    'https://a b',
    'https://a,',
    'null',
  ]) {
    t.match(refusal([`--origins=${bad}`]), /^--origins: ".*" is not a comma-separated list of/)
  }
})

t.test('proxies are a number of them, or addresses and networks', async (t) => {
  const read = (text: string) => parseSettings([`--trust-proxy=${text}`], {}).trustProxy
  t.equal(read('off'), false)
  t.equal(read('1'), 1)
  t.equal(read('100'), 100)
  t.equal(read('10.0.0.1'), '10.0.0.1')
  t.equal(read('10.0.0.0/8, fd00::/8,::1'), '10.0.0.0/8,fd00::/8,::1')
  const settings = parseSettings(['--trust-proxy', '10.0.0.0/8,::1'], {})
  t.match(describeSettings(settings), /\nTRUST_PROXY=10\.0\.0\.0\/8,::1\n/)
  t.match(describeSettings(defaultSettings()), /\nTRUST_PROXY=off\n/)
})

const key = 'an-api-key-of-a-service'
const secret = 'a secret that is long enough for HS256'

t.test('keys and secrets are taken from flags, variables or files', async (t) => {
  const file = (text: string): string => {
    const path = join(t.testdir(), 'secret')
    writeFileSync(path, text)
    return path
  }
  const both = `${key},${key}-2`
  t.same(parseSettings([`--api-keys=${both}`], {}).apiKeys, [key, `${key}-2`])
  const lines = file(`${key}\n${key}-2\r\n`)
  t.same(parseSettings([], { RINGCAST_API_KEYS_FILE: lines }).apiKeys, [key, `${key}-2`])
  t.equal(parseSettings([], { RINGCAST_JWT_SECRET: secret }).jwtSecret, secret)
  const path = file(`${secret}\n`)
  t.equal(parseSettings(['--jwt-secret-file', path], {}).jwtSecret, secret)
  t.equal(
    parseSettings(['--jwt-secret-file', path], { RINGCAST_JWT_SECRET: 'x'.repeat(32) }).jwtSecret,
    secret,
    'a flag beats a variable',
  )
  t.match(
    refusal([], { RINGCAST_JWT_SECRET_FILE: '/no/such' }),
    /^RINGCAST_JWT_SECRET_FILE: "\/no\/such" is not a file that can be read \(ENOENT\)$/,
  )
  for (const flag of ['--jwt-secret', '--api-keys']) {
    t.match(refusal([flag, path]), /path of a file/, 'a path would itself be the secret')
  }
  t.match(refusal([], { RINGCAST_JWT_SECRET_FILE: file('\n') }), /_FILE: it is empty, and to be/)
  t.match(refusal([], { RINGCAST_API_KEYS_FILE: file(' \n') }), /_FILE: what it has is not a list/)
  t.equal(
    refusal([], { RINGCAST_JWT_SECRET: secret, RINGCAST_JWT_SECRET_FILE: path }),
    'RINGCAST_JWT_SECRET and RINGCAST_JWT_SECRET_FILE exclude each other',
  )
  t.match(refusal(['--port-file', path]), /unknown flag/)
})

t.test('weak or empty secrets are refused, and not repeated', async (t) => {
  for (const [flag, value] of [
    ['api-keys', 'short'],
    ['api-keys', `${key},short`],
    ['api-keys', ','],
    ['api-keys', ''],
    ['api-keys', 'schlüssel-ohne-ascii'],
    ['jwt-secret', 'x'.repeat(31)],
    ['jwt-secret', ''],
    ['jwt-public-key', 'no key at all'],
    ['jwt-public-key', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'],
  ] as const) {
    const message = refusal([`--${flag}=${value}`])
    t.match(message, new RegExp(`^--${flag}: (what it has|it is empty)`))
    if (value.length > 1) t.notOk(message.includes(value), 'not repeated')
  }
})

t.test('a public key is one of RSA, P-256 to P-521 or Ed25519, and no private one', async (t) => {
  const pem = { type: 'spki', format: 'pem' } as const
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pairs = [
    rsa,
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('ed25519'),
  ]
  for (const { publicKey } of pairs) {
    const text = publicKey.export(pem) as string
    const settings = parseSettings([], { RINGCAST_JWT_PUBLIC_KEY: text.replaceAll('\n', '\\n') })
    t.equal(settings.jwtPublicKey, text.trim())
    t.notMatch(describeSettings(settings), '\nMII')
  }
  const refused = /^RINGCAST_JWT_PUBLIC_KEY: what it has is not one public key/
  for (const text of [
    rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    (rsa.publicKey.export(pem) as string).repeat(2),
    generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export(pem) as string,
    generateKeyPairSync('x25519').publicKey.export(pem) as string,
  ]) {
    t.match(refusal([], { RINGCAST_JWT_PUBLIC_KEY: text }), refused)
  }
})

t.test('described settings hide secrets, and cannot be taken for them', async (t) => {
  const settings = parseSettings([`--api-keys=${key}`, `--jwt-secret=${secret}`], {})
  const text = describeSettings(settings)
  t.notOk(text.includes(key) || text.includes(secret))
  t.match(text, '\nAPI_KEYS=(hidden)\nJWT_SECRET=(hidden)\n')
  t.match(refusal(['--api-keys=(hidden)']), /what it has is not/)
  t.match(refusal(['--jwt-secret=(hidden)']), /what it has is not/)
})

t.test('grants of users are patterns, and none of the service’s topics', async (t) => {
  const { userGrants } = parseSettings(['--user-grants', 'users/{user}/**, news/*'], {})
  t.same(userGrants, ['users/{user}/**', 'news/*'])
  for (const bad of ['a/**/b', '$sys/**', 'a,,b', 'a,', 'users/{usr}/**', 'users/{user}}']) {
    t.match(refusal([`--user-grants=${bad}`]), /is not a comma-separated list of topic patterns/)
  }
})

t.test('the address of keys has neither user nor password', async (t) => {
  t.equal(
    parseSettings(['--jwks-url', 'https://id.example/jwks'], {}).jwksUrl,
    'https://id.example/jwks',
  )
  for (const bad of ['id.example/jwks', 'file:///etc/passwd', 'https://me:pw@id.example/jwks']) {
    const message = refusal([`--jwks-url=${bad}`])
    t.match(message, /is not an http or https address/)
    t.notMatch(message, 'pw')
  }
})

t.test('listeners without a credential need publishers with one', async (t) => {
  t.match(refusal(['--anonymous', 'subscribe']), /^ANONYMOUS \(subscribe\) needs a credential/)
  t.equal(parseSettings(['--anonymous', 'subscribe', '--api-keys', key], {}).anonymous, 'subscribe')
})

t.test('a refusal is one short line, whatever was given', async (t) => {
  const message = refusal([], { RINGCAST_HOST: `a\n\u001b[31m${'x'.repeat(10_000)}` })
  t.notMatch(message, /[\n\u001b]/)
  t.ok(message.length < 300)
})

t.test('described settings are those of the reference, and can be read again', async (t) => {
  t.match(
    describeSettings(defaultSettings()),
    /^HOST=127\.0\.0\.1\nPORT=8080\nINTERNAL_PORT=off\nWORKERS=1\nSTORE=memory:\n/,
  )
  t.match(
    describeSettings(defaultSettings()),
    /\nRETAIN_BYTES=1GiB\nHEARTBEAT=15s\nDEAD_PEER=60s\n/,
  )
  const settings = parseSettings(
    ['--drain=90s', '--heartbeat=250ms', '--max-stream-age=24h', '--ring-bytes=1000000'],
    { RINGCAST_ORIGINS: 'https://a.example,*', RINGCAST_LOG_LEVEL: 'silent' },
  )
  t.match(describeSettings(settings), /\nDRAIN=90s\nORIGINS=https:\/\/a\.example,\*\n/)
  const env = describeSettings(settings)
    .trimEnd()
    .split('\n')
    .map((line) => `RINGCAST_${line}`.split('=', 2))
  t.same(parseSettings([], Object.fromEntries(env) as NodeJS.ProcessEnv), settings)
})

t.test('the help names every setting with its flag, limits and default', async (t) => {
  const help = settingsHelp()
  for (const [name, { accepts, help: told, default: preset }] of Object.entries(settingsTable)) {
    const flag = `--${name.toLowerCase().replaceAll('_', '-')}`
    t.ok(help.includes(`${flag}  ${told}\n      ${accepts}; default: ${preset || 'none'}\n`), name)
  }
  t.match(help, '\n      or in a file: --api-keys-file\n')
  const flags = Array.from(help.matchAll(/^ {2}--(\S+)/gm), ([, flag]) => nameOf(flag!))
  t.same(flags, Object.keys(settingsTable), 'and no other')
  const printed = describeSettings(defaultSettings()).match(/^\w+(?==)/gm)
  t.same(printed, Object.keys(settingsTable), 'so does --print-config')
})

function nameOf(flag: string): keyof typeof settingsTable {
  return flag.toUpperCase().replaceAll('-', '_') as keyof typeof settingsTable
}

t.test('settings without their prefix are noticed, if they can be nothing else', async (t) => {
  const env = { API_KEYS: 'x', MAX_STREAMS: '1', HOST: 'here', JWT_SECRET: 'x', ORIGINS: '' }
  t.same(unheardVariables(env), ['MAX_STREAMS', 'API_KEYS', 'JWT_SECRET'])
  t.same(unheardVariables({ API_KEYS: 'x', RINGCAST_API_KEYS: 'y' }), [])
})
