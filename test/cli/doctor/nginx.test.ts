import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import { startApp } from '../../helpers/app.js'
import { startRedis } from '../../helpers/redis-server.js'
import { apiKey } from '../../helpers/tokens.js'
import { whyNoNginx } from '../../helpers/nginx.js'
import { applied, goodLines, startNginx, type NginxLines } from './nginx.js'
import { named, report } from './run.js'

const origin = 'https://app.example.com'
const settings = { apiKeys: [apiKey], origins: [origin], heartbeatMs: 1_500, deadPeerMs: 10_000 }
const argv = ['--token', apiKey, '--origin', origin]

/** What is wrong with a configuration, and what it is called. */
interface Fault {
  readonly what: string
  readonly problems: readonly string[]
  readonly http?: readonly string[]
  readonly location: readonly string[]
  /** Beginnings of good lines that are missing. */
  readonly without?: readonly string[]
}

const faults: readonly Fault[] = [
  {
    what: 'buffers, whatever the service says',
    problems: ['buffering'],
    // Chunks of HTTP/1.1 it passes on as they come; without them it waits for a buffer to be full.
    without: ['proxy_http_version'],
    location: ['proxy_buffering on;', 'proxy_ignore_headers X-Accel-Buffering;'],
  },
  {
    what: 'compresses event streams',
    problems: ['compression'],
    location: [
      'gzip on;',
      'gzip_types text/event-stream;',
      'gzip_min_length 0;',
      'gzip_proxied any;',
    ],
  },
  {
    what: 'cuts what is quiet for less than a heartbeat',
    problems: ['idle', 'idle-websocket'],
    location: ['proxy_read_timeout 1s;'],
  },
  {
    what: 'strips Last-Event-ID',
    problems: ['last-event-id'],
    location: ['proxy_set_header Last-Event-ID "";'],
  },
  {
    what: 'strips Authorization',
    problems: ['authorization'],
    location: ['proxy_set_header Authorization "";'],
  },
  {
    what: 'strips Origin',
    problems: ['cors', 'origin-header'],
    location: ['proxy_set_header Origin "";'],
  },
  {
    what: 'speaks HTTP/1.0 to the service, as nginx did before 1.29.7',
    problems: ['websocket'],
    location: ['proxy_http_version 1.0;'],
    without: ['proxy_http_version', 'proxy_set_header Connection', 'proxy_set_header Upgrade'],
  },
  {
    what: 'does not pass on the upgrade',
    problems: ['websocket'],
    location: [],
    without: ['proxy_set_header Connection', 'proxy_set_header Upgrade'],
  },
  {
    what: 'passes on another Host',
    problems: ['host'],
    location: [],
    without: ['proxy_set_header Host'],
  },
  {
    what: 'changes the content type',
    problems: ['content-type'],
    location: ['proxy_hide_header Content-Type;', 'add_header Content-Type text/plain;'],
  },
  {
    what: 'changes Cache-Control',
    problems: ['cache-control'],
    location: [
      'proxy_hide_header Cache-Control;',
      'add_header Cache-Control "public, max-age=60";',
    ],
  },
  {
    what: 'sends no chunks',
    problems: ['chunked'],
    location: ['chunked_transfer_encoding off;'],
  },
  {
    what: 'adds CORS headers of its own',
    problems: ['cors'],
    location: ['add_header Access-Control-Allow-Origin * always;'],
  },
  {
    what: 'keeps answers for all',
    problems: ['caching'],
    http: ['proxy_cache_path cache keys_zone=all:1m;'],
    location: [
      'proxy_cache all;',
      'proxy_cache_valid any 1m;',
      'proxy_ignore_headers Cache-Control Vary;',
    ],
  },
]

/** The good lines with a fault in them. */
function faulty({ http = [], location, without = [] }: Fault): NginxLines {
  return {
    http: [...goodLines.http, ...http],
    location: [
      ...goodLines.location.filter((line) => !without.some((word) => line.startsWith(word))),
      ...location,
    ],
  }
}

/** A report; another one if it is not as expected: where this machine pauses, that looks like a buffer. */
async function reportOf(url: string, expected: readonly string[]): ReturnType<typeof report> {
  const found = await report(url, ...argv)
  return isDeepStrictEqual(named(found), expected) ? found : report(url, ...argv)
}

t.test('behind a real nginx', { skip: whyNoNginx() }, async (t) => {
  // Most of it is waiting for heartbeats.
  t.jobs = 6
  const { port } = await startApp(t, settings)
  const target = `127.0.0.1:${port}`

  t.test('that does what it should, all is well', async (t) => {
    const url = await startNginx(t, target, goodLines)
    const found = await reportOf(url, [])
    t.same(
      found.findings.filter(({ verdict }) => verdict !== 'ok'),
      [],
    )
    t.same(found.proxies, ['nginx'])
    t.equal(found.exitCode, 0)
  })

  for (const fault of faults) {
    t.test(
      `that ${fault.what}, that is found, and its line mends it`,
      { buffered: true },
      async (t) => {
        const lines = faulty(fault)
        const ill = await reportOf(await startNginx(t, target, lines), fault.problems)
        t.same(named(ill), fault.problems, JSON.stringify(ill.findings))
        t.equal(ill.exitCode, 1)
        const remedies = ill.problems.flatMap(({ remedies }) => {
          t.same(
            remedies.map(({ proxy }) => proxy),
            ['nginx'],
          )
          return remedies.flatMap(({ changes }) => changes)
        })
        const well = await reportOf(await startNginx(t, target, applied(lines, remedies)), [])
        t.same(named(well), [], JSON.stringify(well.findings))
        t.equal(well.exitCode, 0)
      },
    )
  }

  for (const balance of ['least_conn;', 'random;', '']) {
    const name = balance === '' ? 'round robin' : balance.slice(0, -1)
    const inFrontOf = (t: Test, nodes: readonly { port: number }[]): Promise<string> => {
      const servers = nodes.map(({ port }) => `server 127.0.0.1:${port};`)
      const upstream = `upstream nodes { ${balance} ${servers.join(' ')} }`
      return startNginx(t, 'nodes', { ...goodLines, http: [...goodLines.http, upstream] })
    }
    t.test(`of two nodes that have each a log of their own, by ${name}, it says so`, async (t) => {
      const nodes = await Promise.all([startApp(t, settings), startApp(t, settings)])
      const found = await reportOf(await inFrontOf(t, nodes), ['nodes'])
      t.same(named(found), ['nodes'], JSON.stringify(found.findings))
      t.ok(
        found.findings.some(({ check, verdict }) => check === 'one log' && verdict === 'problem'),
      )
    })
    t.test(`of two nodes that share a log, by ${name}, all is well`, async (t) => {
      const { url } = await startRedis(t)
      const start = () => startApp(t, { ...settings, store: url as 'redis://' })
      const found = await reportOf(await inFrontOf(t, [await start(), await start()]), [])
      t.same(named(found), [], JSON.stringify(found.findings))
      const [log] = found.findings.filter(({ check }) => check === 'one log')
      t.match(log, {
        verdict: 'ok',
        text: /^all \d+ streams and answers from here are of one log$/,
      })
    })
  }
})
