import t from 'tap'
import { lifeOf, Lives } from '../../src/web/lives.js'

function livesOf(...names: string[]): Lives {
  const lives = new Lives()
  lives.learnAll(names)
  return lives
}

t.test('places of one life are in the order of their sequences', async (t) => {
  const lives = livesOf('a')
  t.equal(lives.reaches('a-10', 'a-z'), true, 'in base 36')
  t.equal(lives.reaches('a-z', 'a-z'), true)
  t.equal(lives.reaches('a-y', 'a-z'), false)
  t.equal(lifeOf('a-y'), 'a')
})

t.test('places of different lives are in the order of those, whatever the sequences', async (t) => {
  const lives = livesOf('a', 'b')
  t.equal(lives.reaches('b-1', 'a-z'), true)
  t.equal(lives.reaches('a-z', 'b-1'), false)
})

t.test('what came over a connection is in its order, whatever the names', async (t) => {
  const lives = livesOf('m')
  lives.learn('c', 'm')
  lives.learn('a', 'c')
  t.same(lives.names, ['m', 'c', 'a'])
})

t.test('a life that is heard of again stays where it is, until it goes on', async (t) => {
  const lives = livesOf('a', 'b')
  lives.learn('a', 'b')
  t.same(lives.names, ['a', 'b'])
  lives.renew('a')
  t.same(lives.names, ['b', 'a'])
})

t.test('lives that tabs know of come together', async (t) => {
  const cases: [string[], string[], string[]][] = [
    [['a'], ['b'], ['a', 'b']],
    [['b'], ['a'], ['a', 'b']],
    [['b'], ['c', 'b'], ['c', 'b']],
    [['b'], ['b', 'a'], ['b', 'a']],
    [
      ['a', 'd'],
      ['a', 'b', 'd', 'e'],
      ['a', 'b', 'd', 'e'],
    ],
    [
      ['a', 'b'],
      ['b', 'a'],
      ['a', 'b'],
    ],
    [[], ['b', 'a'], ['b', 'a']],
    [['a'], [], ['a']],
  ]
  for (const [own, told, both] of cases) {
    const lives = livesOf(...own)
    lives.learnAll(told)
    t.same(lives.names, both, `${own.join()} and ${told.join()}`)
  }
})

t.test('only the newest lives are remembered', async (t) => {
  const lives = new Lives()
  for (let i = 10; i < 50; i++) lives.learn(`l${i}`, `l${i - 1}`)
  t.equal(lives.names.length, 16)
  t.equal(lives.names.at(-1), 'l49')
})
