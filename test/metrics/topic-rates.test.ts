import t from 'tap'
import { Ring } from '../../dist/hub/ring.js'
import { busiestTopics } from '../../dist/metrics/topic-rates.js'

const now = Date.UTC(2026, 0, 1)

function append(ring: Ring, secondsAgo: number, ...topics: string[]): void {
  const fields = { users: [], event: undefined, data: '', json: false, key: undefined, epoch: 'e' }
  const time = new Date(now - secondsAgo * 1_000).toISOString()
  ring.append({ ...fields, topics, sequence: ring.next, time })
}

t.test('topics are told by what they got in the last ten seconds, the busiest first', (t) => {
  const ring = new Ring(1_000, 1e9, 1)
  for (let i = 0; i < 50; i++) append(ring, 20, 'before')
  for (let i = 0; i < 10; i++) append(ring, 5, 'a', 'b')
  for (let i = 0; i < 20; i++) append(ring, 1, 'b')
  append(ring, 0, 'c')
  t.same(busiestTopics(ring, now), [
    { topic: 'b', perSecond: 3 },
    { topic: 'a', perSecond: 1 },
    { topic: 'c', perSecond: 0.1 },
  ])
  t.same(busiestTopics(ring, now + 60_000), [])
  t.end()
})

t.test('where more came than the ring holds, or than are looked at, the rate is of those', (t) => {
  const small = new Ring(100, 1e9, 1)
  for (let i = 0; i < 300; i++) append(small, 2, 'a')
  t.same(busiestTopics(small, now), [{ topic: 'a', perSecond: 50 }])
  const large = new Ring(16_384, 1e9, 1)
  for (let i = 0; i < 10_000; i++) append(large, 4, 'a')
  t.same(busiestTopics(large, now), [{ topic: 'a', perSecond: 1_250 }])
  t.end()
})

t.test('a hundred topics are named, of a ring without events none', (t) => {
  const ring = new Ring(1_024, 1e9, 1)
  t.same(busiestTopics(ring, now), [])
  for (let i = 0; i < 300; i++) append(ring, 1, `t${i}`, `t${i % 10}`)
  const busiest = busiestTopics(ring, now)
  t.equal(busiest.length, 100)
  t.same(
    busiest
      .slice(0, 10)
      .map(({ topic }) => topic)
      .sort(),
    Array.from({ length: 10 }, (_, i) => `t${i}`),
  )
  t.end()
})
