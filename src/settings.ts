import { hasCredentials } from './auth/credential-settings.js'
import { nearest, quote, readArguments, type FlagKind } from './cli/arguments.js'
import {
  address,
  choice,
  duration,
  freeText,
  host,
  integer,
  keys,
  optionalPort,
  origins,
  proxies,
  publicKey,
  secret,
  SettingsError,
  size,
  store,
  userPatterns,
  type Setting,
} from './setting-kinds.js'
import { readValueFile } from './value-file.js'

export { SettingsError }

/** What the settings that count streams and pushes have in common. */
const noLimit = { default: '0', min: '1', max: '10000000', zero: 'no limit' }

/**
 * Every setting of the service. Parsing, `--help`, `--print-config` and the type `Settings` derive
 * from this table: `RING_EVENTS` is the flag `--ring-events`, the variable `RINGCAST_RING_EVENTS`
 * and the field `ringEvents`; the field of a duration ends in `Ms`, sizes are in bytes.
 */
export const settingsTable = {
  HOST: host({
    default: '127.0.0.1',
    help: 'Where to listen. 0.0.0.0 is all of IPv4, :: is all of IPv6 and IPv4.',
  }),
  PORT: integer({
    default: '8080',
    min: '0',
    max: '65535',
    help: 'Where to listen; 0 takes any free port. The variable PORT is heard too.',
  }),
  INTERNAL_PORT: optionalPort({
    default: 'off',
    help: 'Where, on HOST too, health and metrics are had without a key; 0 takes any free port.',
  }),
  WORKERS: integer({
    default: '1',
    min: '1',
    max: '64',
    help: 'How many processes serve the port, for all cores of a machine; their log is `file:` or `redis:`.',
  }),
  STORE: store({
    default: 'memory:',
    help: 'Which log holds the events: `memory:`, which ends with the process, `file:DIR`, or `redis://…`.',
  }),
  RING_EVENTS: integer({
    default: '65536',
    min: '8',
    max: '16777216',
    help: 'How many of the newest events are held in memory.',
  }),
  RING_BYTES: size({
    default: '64MiB',
    min: '64KiB',
    max: '256GiB',
    help: 'How much memory these may take, encodings included.',
  }),
  CATCH_UP_BYTES: size({
    default: '16MiB',
    min: '64KiB',
    max: '256GiB',
    help: 'How much more may be taken by older parts of a durable log, read for streams behind.',
  }),
  RETAIN_EVENTS: integer({
    default: '1000000',
    min: '1',
    max: '1000000000000',
    help: 'How many events a durable log retains; what is older is deleted.',
  }),
  RETAIN_FOR: duration({
    default: '24h',
    min: '1s',
    max: '87600h',
    zero: 'as long as there is room',
    help: 'How long it retains them.',
  }),
  RETAIN_BYTES: size({
    default: '1GiB',
    min: '1MiB',
    max: '65536GiB',
    help: 'How much these may take, their index included; the file is larger by up to a half.',
  }),
  HEARTBEAT: duration({
    default: '15s',
    min: '100ms',
    // Node's own fetch gives up on a body that was silent for five minutes.
    max: '4m',
    help: 'After how long without a write a stream gets a line that keeps proxies from cutting it.',
  }),
  DEAD_PEER: duration({
    default: '60s',
    min: '200ms',
    max: '24h',
    help: 'After how long without an acknowledgement a peer is ended; at least twice HEARTBEAT.',
  }),
  STALLED_STREAM: duration({
    default: '60s',
    min: '100ms',
    max: '24h',
    help: 'After how long a stream is ended whose socket takes nothing, though something waits.',
  }),
  MAX_STREAM_AGE: duration({
    default: '0',
    min: '1s',
    max: '720h',
    zero: 'none',
    help: 'After how long, 20 % more or less, a stream is asked to come back, maybe to another node.',
  }),
  MAX_EVENT_BYTES: size({
    default: '64KiB',
    min: '64B',
    max: '64MiB',
    help: 'How large one event may be; at most MAX_BODY_BYTES and a quarter of RING_BYTES.',
  }),
  MAX_BODY_BYTES: size({
    default: '8MiB',
    min: '64B',
    max: '256MiB',
    help: 'How large the body of one push may be.',
  }),
  MAX_STREAMS: integer({
    ...noLimit,
    help: 'How many streams may be open. One more is told `bye` `limit`, and to come back later.',
  }),
  MAX_STREAMS_PER_USER: integer({
    ...noLimit,
    help: 'How many of them may be of one user.',
  }),
  MAX_STREAMS_PER_ADDRESS: integer({
    ...noLimit,
    help: 'How many of them may be of one address (of IPv6: of one /64), behind TRUST_PROXY.',
  }),
  PUSHES_PER_SECOND: integer({
    ...noLimit,
    help: 'How many events a client may push in a second, on average and at once.',
  }),
  DRAIN: duration({
    default: '10s',
    min: '0',
    max: '1h',
    help: 'How long a shutdown may take, and over how long it spreads the return of its clients.',
  }),
  ORIGINS: origins({
    default: '',
    help: 'Which web pages may use the service.',
  }),
  ANONYMOUS: choice(['none', 'subscribe', 'all'], {
    default: 'none',
    help: 'What anyone may do without a credential: listen to what is public, or everything.',
  }),
  API_KEYS: keys({
    default: '',
    help: 'Keys of internal services, which may do everything; several, so that one can be replaced.',
  }),
  JWT_SECRET: secret({
    default: '',
    help: 'The secret that tokens are signed with (HS256).',
  }),
  JWT_PUBLIC_KEY: publicKey({
    default: '',
    help: 'The key that tokens are checked with, where another service signs them.',
  }),
  JWKS_URL: address({
    default: '',
    help: 'Where an identity provider has the keys of its tokens.',
  }),
  JWT_AUDIENCE: freeText({
    default: '',
    help: 'What the claim `aud` of a token has to be, or to have.',
  }),
  JWT_ISSUER: freeText({
    default: '',
    help: 'What the claim `iss` of a token has to be.',
  }),
  JWT_CLAIM: freeText({
    default: 'ringcast',
    help: 'The claim that grants: `{"subscribe":[…],"publish":[…],"admin":true}`.',
  }),
  JWT_USER_CLAIM: freeText({
    default: 'sub',
    help: 'The claim that names the user.',
  }),
  USER_GRANTS: userPatterns({
    default: '',
    help: 'What every user may subscribe to: `users/{user}/**`, say.',
  }),
  TRUST_PROXY: proxies({
    default: 'off',
    help: 'Which proxies tell the address of a client, by X-Forwarded-For.',
  }),
  TLS_CERT: freeText({
    default: '',
    help: 'The file of the certificate, PEM, with those that vouch for it behind it: then it is https.',
  }),
  TLS_KEY: freeText({
    default: '',
    help: 'The file of its private key, PEM, without a password. SIGHUP reads both anew.',
  }),
  LOG_LEVEL: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    default: 'info',
    help: 'From which level on the log is written.',
  }),
}

type Table = typeof settingsTable
type Name = keyof Table

type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<CamelCase<Tail>>}`
  : Lowercase<S>

/** The settings of one process. Durations are in milliseconds (`…Ms`), sizes in bytes. */
export type Settings = {
  readonly [N in Name as `${CamelCase<N>}${Table[N]['suffix']}`]: ReturnType<Table[N]['parse']>
}

const names = Object.keys(settingsTable) as Name[]
/** By what names settings are given; those with `_FILE` give the place of a value. */
const givenNames = names.flatMap((name): [given: string, name: Name][] => {
  const { fromFile }: Setting<unknown, string> = settingsTable[name]
  return fromFile
    ? [
        [name, name],
        [`${name}_FILE`, name],
      ]
    : [[name, name]]
})
const flagNames = new Map(givenNames.map(([given, name]) => [flagOf(given), name]))
const variableNames = new Map(givenNames.map(([given, name]) => [`RINGCAST_${given}`, name]))
/** What the other commands read of the environment that all may share. */
const variablesOfClients = ['RINGCAST_URL', 'RINGCAST_TOKEN', 'RINGCAST_TOKEN_FILE']

/** The flags of `serve`: the settings, and two that ask for a text and are not looked at here. */
const serveFlags: Record<string, FlagKind> = {
  ...Object.fromEntries([...flagNames.keys()].map((flag) => [flag, 'value' as const])),
  help: 'switch',
  'print-config': 'switch',
}

/** What was given for a setting, and where, as a refusal names it. */
interface Given {
  readonly source: string
  readonly text: string
  /** Whether the text names a file that has the value. */
  readonly inFile: boolean
}

/**
 * Reads the settings: flags beat `RINGCAST_` variables, which beat a plain `PORT` and the defaults.
 * A secret may be in a file that `…_FILE` names, without the line end that editors leave.
 * An empty variable counts as not set. Throws a SettingsError for what is unknown, out of its
 * limits, or at odds with another setting.
 */
export function parseSettings(flags: readonly string[], env: NodeJS.ProcessEnv): Settings {
  const given = new Map([...givenByEnvironment(env), ...givenByFlags(flags)])
  const settings = Object.fromEntries(
    names.map((name) => [fieldOf(name), valueOf(name, given.get(name))]),
  ) as unknown as Settings
  checkTogether(settings)
  return settings
}

/** The settings of a service that was told nothing. */
export function defaultSettings(): Settings {
  return parseSettings([], {})
}

/** One line `NAME=value` for each setting, written as `parseSettings` reads it. */
export function describeSettings(settings: Settings): string {
  return names.map((name) => `${name}=${printed(name, settings)}\n`).join('')
}

/** The part of `serve --help` that says which settings there are. */
export function settingsHelp(): string {
  return names
    .map((name) => {
      const setting: Setting<unknown, string> = settingsTable[name]
      const { accepts, help, default: preset } = setting
      const file = setting.fromFile === true ? `      or in a file: --${flagOf(name)}-file\n` : ''
      return `  --${flagOf(name)}  ${help}\n      ${accepts}; default: ${preset || 'none'}\n${file}`
    })
    .join('')
}

function givenByFlags(argv: readonly string[]): [Name, Given][] {
  const { flags, operands } = readArguments(argv, serveFlags, SettingsError)
  if (operands[0] !== undefined) {
    throw new SettingsError(`serve takes settings as flags only, not ${quote(operands[0])}`)
  }
  const given = [...flags].flatMap(([flag, [text = '']]): [Name, Given][] => {
    const name = flagNames.get(flag)
    return name === undefined ? [] : [[name, givenAs(`--${flag}`, text, flagOf(name))]]
  })
  return refuseTwice(given)
}

function givenByEnvironment(env: NodeJS.ProcessEnv): [Name, Given][] {
  const given: [Name, Given][] = []
  if (env['PORT']) given.push(['PORT', givenAs('PORT', env['PORT'], 'PORT')])
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('RINGCAST_') || variablesOfClients.includes(variable)) continue
    const name = variableNames.get(variable)
    if (name === undefined) throw unknownVariable(variable)
    if (text) given.push([name, givenAs(variable, text, name)])
  }
  return refuseTwice(given)
}

function givenAs(source: string, text: string, name: string): Given {
  return { source, text, inFile: !source.endsWith(name) }
}

/** A value and a file are of one rank, flags or variables: neither beats the other. */
function refuseTwice(given: [Name, Given][]): [Name, Given][] {
  for (const [name, { source, inFile }] of given) {
    const other = given.find(([of, { inFile: otherInFile }]) => of === name && !otherInFile)
    if (!inFile || other === undefined) continue
    throw new SettingsError(`${other[1].source} and ${source} exclude each other`)
  }
  return given
}

/** Names that no other program is likely to mean, and that one would miss if they were not heard. */
const ownNames =
  /^(API_KEYS|JWT_|JWKS_|MAX_|PUSHES_|USER_GRANTS|TRUST_PROXY|TLS_|ORIGINS|ANONYMOUS)/

/** What was probably meant as a setting and is not heard: variables without `RINGCAST_`. */
export function unheardVariables(env: NodeJS.ProcessEnv): readonly string[] {
  return names.filter(
    (name) => ownNames.test(name) && env[name] && env[`RINGCAST_${name}`] === undefined,
  )
}

function unknownVariable(variable: string): SettingsError {
  // Kubernetes gives every container in reach of a service named `ringcast` such variables.
  const hint = /^RINGCAST_(SERVICE_|PORT_\d)/.test(variable)
    ? ' (if Kubernetes set it for a service of that name: enableServiceLinks: false)'
    : ''
  const known = nearest(variable, [...variableNames.keys()])
  return new SettingsError(`unknown variable ${quote(variable).slice(1, -1)}; ${known}${hint}`)
}

function valueOf(name: Name, given: Given | undefined): unknown {
  const setting: Setting<unknown, string> = settingsTable[name]
  if (given === undefined) return setting.parse(setting.default)
  const text = given.inFile ? readValueFile(given.source, given.text) : given.text
  // Nothing is a default, not a secret that somebody meant to give.
  if (setting.fromFile && text === '') {
    throw new SettingsError(`${given.source}: it is empty, and to be ${setting.accepts}`)
  }
  try {
    return setting.parse(text)
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    throw new SettingsError(`${given.source}: ${error.message}`)
  }
}

function checkTogether(settings: Settings): void {
  const say = (name: Name) => `${name} (${printed(name, settings)})`
  if (settings.deadPeerMs < 2 * settings.heartbeatMs) {
    throw new SettingsError(`${say('DEAD_PEER')} must be at least twice ${say('HEARTBEAT')}`)
  }
  if (settings.internalPort === settings.port && settings.port !== 0) {
    throw new SettingsError(`${say('INTERNAL_PORT')} must be another than ${say('PORT')}`)
  }
  if (settings.maxEventBytes > settings.maxBodyBytes) {
    throw new SettingsError(`${say('MAX_EVENT_BYTES')} must be at most ${say('MAX_BODY_BYTES')}`)
  }
  if (settings.maxEventBytes * 4 > settings.ringBytes) {
    const limit = `a quarter of ${say('RING_BYTES')}`
    throw new SettingsError(`${say('MAX_EVENT_BYTES')} must be at most ${limit}`)
  }
  if (settings.workers > 1 && settings.store === 'memory:') {
    throw new SettingsError(
      `${say('WORKERS')} cannot share STORE (memory:), which is in the memory of one process: use file:DIR or redis://…`,
    )
  }
  if ((settings.tlsCert === '') !== (settings.tlsKey === '')) {
    throw new SettingsError('TLS_CERT and TLS_KEY need each other: give both, or none')
  }
  if (settings.anonymous === 'subscribe' && !hasCredentials(settings)) {
    throw new SettingsError(
      'ANONYMOUS (subscribe) needs a credential for those who push: set API_KEYS, JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL',
    )
  }
}

function printed(name: Name, settings: Settings): string {
  const setting: Setting<unknown, string> = settingsTable[name]
  const value = settings[fieldOf(name)]
  // 60s and 1m are one value; it is shown as the reference shows it.
  const preset = setting.print(setting.parse(setting.default))
  return setting.print(value) === preset ? setting.default : setting.print(value)
}

function flagOf(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

function fieldOf(name: Name): keyof Settings {
  const camelCase = name.toLowerCase().replace(/_(.)/g, (_, first: string) => first.toUpperCase())
  return `${camelCase}${settingsTable[name].suffix}` as keyof Settings
}
