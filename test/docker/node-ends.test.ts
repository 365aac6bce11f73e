import { once } from 'node:events'
import t, { type Test } from 'tap'
import { ask } from '../helpers/ask.js'
import { openStream, type RawStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'
import { whyNoNginx } from '../helpers/nginx.js'
import { startSite, type Site } from './site.js'

const skip = whyNoNginx()

const follow = (t: Test, { port, keyHeader }: Site, lastEventId?: string): Promise<RawStream> =>
  openStream(t, port, '/events?topic=n', { headers: keyHeader, lastEventId })

/** Which node a stream is at. */
const nodeOf = ({ control }: RawStream): string => String(control[0]!['stream']).split('.')[0]!

/** Two streams, at the one node and the other: nginx gives a new one to the node that has fewer. */
async function oneAtEach(t: Test, site: Site): Promise<readonly [RawStream, RawStream]> {
  const streams = [await follow(t, site), await follow(t, site)] as const
  t.not(nodeOf(streams[0]), nodeOf(streams[1]))
  return streams
}

/** Pushes these numbers as a careful publisher does: each with a key, and again until it is accepted. */
async function pushNumbers({ url, keyHeader }: Site, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) {
    const body = JSON.stringify({ topic: 'n', data: n, key: `n${n}` })
    const headers = { 'content-type': 'application/json', ...keyHeader }
    await until(
      () =>
        ask(`${url}/api/push`, { method: 'POST', headers, body }).then(
          ({ status }) => status === 202,
          () => false,
        ),
      `push ${n} to be accepted`,
    )
  }
}

const dataOf = (...streams: RawStream[]): string[] =>
  streams.flatMap(({ events }) => events.map(({ data }) => data))
const numbers = (to: number): string[] => Array.from({ length: to }, (_, i) => String(i + 1))
const gapsOf = ({ control }: RawStream) => control.filter(({ type }) => type === 'gap')

t.test(
  'when a node is killed its clients go on at the other, and miss nothing',
  { skip },
  async (t) => {
    const site = await startSite(t)
    const streams = await oneAtEach(t, site)
    await pushNumbers(site, 1, 10)
    await Promise.all(streams.map((stream) => stream.received(10)))
    site.nodes[0].process.kill('SIGKILL')
    await until(() => streams.some(({ closed }) => closed), 'the end of the streams of that node')
    const [lost, kept] = streams[0].closed ? streams : [streams[1], streams[0]]
    await pushNumbers(site, 11, 20)
    const moved = await follow(t, site, lost.lastId)
    await moved.received(10)
    t.equal(nodeOf(moved), nodeOf(kept))
    await pushNumbers(site, 21, 22)
    await Promise.all([moved.received(12), kept.received(22)])
    t.same(dataOf(lost, moved), numbers(22))
    t.same(dataOf(kept), numbers(22))
    t.same([...gapsOf(moved), ...gapsOf(kept)], [])
  },
)

t.test(
  'when a node is stopped its clients are told, and go on at the other',
  { skip },
  async (t) => {
    const site = await startSite(t)
    const streams = await oneAtEach(t, site)
    await pushNumbers(site, 1, 5)
    await Promise.all(streams.map((stream) => stream.received(5)))
    const exit = once(site.nodes[0].process, 'exit')
    site.nodes[0].process.kill('SIGTERM')
    // Its answer ends, not the connection: that is nginx's, which keeps it for the next request.
    const isTold = ({ control }: RawStream): boolean => control.some(({ type }) => type === 'bye')
    await until(() => streams.some(isTold), 'a bye to the streams of that node')
    const [ended, kept] = isTold(streams[0]) ? streams : [streams[1], streams[0]]
    t.match(await ended.told('bye'), { reason: 'shutdown', reconnect: true })
    const moved = await follow(t, site, ended.lastId)
    await pushNumbers(site, 6, 9)
    await Promise.all([moved.received(4), kept.received(9)])
    t.same(dataOf(ended, moved), numbers(9))
    t.same(gapsOf(moved), [])
    t.same(await exit, [0, null])
  },
)
