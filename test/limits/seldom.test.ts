import t from 'tap'
import { seldom } from '../../dist/limits/seldom.js'

t.test('a flood is told at once, then once a minute with how many there were', async (t) => {
  const told: [string, number][] = []
  let nowMs = 5000
  const tell = seldom<string>(
    (latest, count) => told.push([latest, count]),
    () => nowMs,
  )
  for (const text of ['a', 'b', 'c']) tell(text)
  nowMs += 59_999
  tell('d')
  t.same(told, [['a', 1]])
  nowMs += 1
  tell('e')
  tell('f')
  t.same(told, [
    ['a', 1],
    ['e', 4],
  ])
})
