import t from 'tap'
import { EndedStreams } from '../../dist/peers/ended-streams.js'
import type { Hub } from '../../dist/hub/hub.js'
import { Filter } from '../../dist/hub/filter.js'
import { Stream } from '../../dist/hub/stream.js'
import type { Transport } from '../../dist/hub/transport.js'

const transport = { kind: 'sse', address: '127.0.0.1' } as Transport
const hub = {
  head: 'e-1',
  ring: { next: 2 },
  streamId: ({ number }: Stream) => `n.${number}`,
  placeOf: () => 'e-1',
} as unknown as Hub

const streamOf = (number: number, topics: readonly string[]): Stream =>
  new Stream(number, new Filter(topics), 'u', true, transport, 0, { cursor: 2, place: 1, now: 0 })

t.test('the newest thousand are remembered', (t) => {
  const ended = new EndedStreams()
  for (let n = 1; n <= 1_500; n++) ended.add(hub, streamOf(n, ['a']), 'client')
  const ids = [...ended.values()].map(({ id }) => id)
  t.equal(ids.length, 1_000)
  t.same([ids[0], ids.at(-1)], ['n.501', 'n.1500'])
  t.end()
})

t.test('fewer, where their topics are long', (t) => {
  const ended = new EndedStreams()
  for (let n = 1; n <= 200; n++) {
    const topics = Array.from({ length: 100 }, (_, i) => `${n}/${i}`.padEnd(1_024, '.'))
    ended.add(hub, streamOf(n, topics), 'client')
  }
  const ids = [...ended.values()].map(({ id }) => id)
  t.equal(ids.length, 40)
  t.equal(ids.at(-1), 'n.200')
  t.end()
})
