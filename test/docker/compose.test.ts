import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { defaultSettings, parseSettings } from '../../dist/settings.js'
import { lastOf, readDockerfile } from './dockerfile.js'
import { composition, folderFor, makeCredentials, project, shipped } from './shipped.js'

const { services, networks, volumes } = composition()
const each = Object.entries(services)
const nginx = shipped('nginx.conf')
const image = readDockerfile(shipped('Dockerfile')).at(-1)!

t.test('it is what the Compose Specification says', async (t) => {
  // The specification's own schema, unchanged, of compose-go 2.16.2 (Apache-2.0), which docker compose reads by.
  const schema = readFileSync(
    new URL('../../test/docker/compose-spec.json', import.meta.url),
    'utf8',
  )
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })
  const validate = ajv.compile(JSON.parse(schema) as object)
  validate(composition())
  t.same(validate.errors ?? [], [])
  const bad = { services: { one: { image: 'one', read_onyl: true } } }
  t.notOk(validate(bad), 'a word that is misspelt is found')
})

t.test('nothing is published but to this machine, and without a profile nginx alone', async (t) => {
  const published = each.filter(([, { ports }]) => ports !== undefined)
  t.same(
    published.map(([name, { profiles, ports }]) => [name, profiles, ports]),
    [
      ['nginx', undefined, ['127.0.0.1:${PORT:-8080}:8080']],
      ['prometheus', ['monitoring'], ['127.0.0.1:${PROMETHEUS_PORT:-9090}:9090']],
      ['grafana', ['monitoring'], ['127.0.0.1:${GRAFANA_PORT:-3000}:3000']],
    ],
  )
  t.match(nginx, /^ +listen 8080 /m)
})

t.test('only the nodes reach Redis, and nginx alone reaches them from outside', async (t) => {
  t.same(services['redis']!.networks, ['back'])
  t.same(networks['back'], { internal: true })
  t.same(services['nginx']!.networks, ['front'])
  for (const name of ['node-1', 'node-2']) t.same(services[name]!.networks, ['front', 'back'])
})

t.test('every container has as few rights as it needs', async (t) => {
  for (const [name, service] of each) {
    t.equal(service.read_only, true, name)
    t.same(service.cap_drop, ['ALL'], name)
    t.same(service.security_opt, ['no-new-privileges:true'], name)
    const user = service.image === 'ringcast:local' ? lastOf(image, 'USER').rest : service.user
    t.notMatch(user, /^(root|0)?$/, name)
  }
})

t.test('what it names is there', async (t) => {
  for (const [name, service] of each) {
    for (const network of service.networks ?? []) t.ok(network in networks, `${name}: ${network}`)
    for (const other of Object.keys(service.depends_on ?? {})) t.ok(other in services, other)
    for (const volume of service.volumes ?? []) {
      const [source] = volume.split(':')
      if (source!.startsWith('./')) t.ok(shipped(source!), `${name}: ${volume}`)
      else t.ok(source! in volumes, `${name}: ${volume}`)
    }
  }
  const { build } = services['credentials']!
  t.same(build, { context: '..', dockerfile: 'docker/Dockerfile' })
  t.ok(readFileSync(join(project, 'docker', build!.context, build!.dockerfile)))
  const upstream = Array.from(nginx.matchAll(/^ +server (\S+) resolve /gm), ([, place]) => place)
  const { rest: port } = lastOf(image, 'EXPOSE')
  const nodes = each.filter(([, { depends_on: on }]) => on?.['redis'] !== undefined)
  t.same(
    upstream,
    nodes.map(([name]) => `${name}:${port}`),
  )
})

t.test('it runs unedited: credentials are made, once, and asked for', async (t) => {
  const folder = folderFor(t)
  const { key, secret } = makeCredentials(folder)
  t.match(key, /^[0-9a-f]{48}$/)
  t.match(secret, /^[0-9a-f]{64}$/)
  t.same(makeCredentials(folder), { key, secret }, 'what is there stays')
  t.not(makeCredentials(folderFor(t)).key, key, 'another composition has others')
  for (const name of ['node-1', 'node-2']) {
    const { environment, depends_on: on } = services[name]!
    t.equal(on!['credentials']!.condition, 'service_completed_successfully')
    const env = Object.fromEntries(
      Object.entries(environment!).map(([variable, value]) => [
        variable,
        value.replace('/etc/ringcast', folder).replace('${ORIGINS:-}', ''),
      ]),
    )
    t.match(parseSettings([], env), {
      store: 'redis://redis:6379/0',
      apiKeys: [key],
      jwtSecret: secret,
      trustProxy: 1,
      anonymous: 'none',
    })
  }
  t.notMatch(shipped('compose.yaml'), /^ *RINGCAST_(API_KEYS|JWT_SECRET):/m)
})

t.test('Redis keeps what it is given', async (t) => {
  const { command } = services['redis']!
  const told = (name: string): string => command![command!.indexOf(name) + 1]!
  t.equal(told('--appendonly'), 'yes')
  t.equal(told('--maxmemory-policy'), 'noeviction')
  t.same(services['redis']!.volumes, ['events:/data'])
})

t.test(
  'nginx waits longer than any heartbeat, and lets as much through as the service',
  async (t) => {
    const of = (name: string): string => new RegExp(`^ +${name} (.*);$`, 'm').exec(nginx)![1]!
    const beats = (heartbeat: string) =>
      parseSettings(['--heartbeat', heartbeat, '--dead-peer', '1h'], {})
    t.equal(of('proxy_read_timeout'), '5m')
    t.ok(beats('4m'))
    t.throws(() => beats('5m'))
    t.equal(of('client_max_body_size'), '8m')
    t.equal(defaultSettings().maxBodyBytes, 8 * 1024 * 1024)
    t.equal(of('proxy_buffering'), 'off')
  },
)
