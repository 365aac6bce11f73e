import t from 'tap'
import { livesText, readLives, unsureFrom, withEnds } from '../../dist/logs/redis-lives.js'

t.test('lives are written as lines, and read as they were', async (t) => {
  const lives = [
    { epoch: 'a', first: 1, sure: 5 },
    { epoch: 'b', first: 9 },
  ]
  t.equal(livesText(lives), 'a 1 5\nb 9')
  t.strictSame(readLives(livesText(lives)), lives)
  t.strictSame(readLives(''), [])
  t.strictSame(withEnds(lives, 12), [
    { epoch: 'a', first: 1, sure: 5, last: 8 },
    { epoch: 'b', first: 9, last: 12 },
  ])
  t.equal(withEnds(lives, 3).at(-1)!.last, 8, 'a life that this node has nothing of yet')
})

t.test('a life that goes on and has lost events ends, and is sure up to there', async (t) => {
  const own = [{ epoch: 'a', first: 1, last: 1000 }]
  t.strictSame(unsureFrom([{ epoch: 'a', first: 1 }], own, 951), {
    lives: [{ epoch: 'a', first: 1, sure: 950 }],
    begins: true,
  })
})

t.test('what another node has said already is not said again, unless less is sure', async (t) => {
  const kept = [
    { epoch: 'a', first: 1, sure: 950 },
    { epoch: 'b', first: 1011 },
  ]
  const own = [{ epoch: 'a', first: 1, last: 1000 }]
  t.equal(unsureFrom(kept, own, 951), undefined)
  t.equal(unsureFrom(kept, own, 960), undefined)
  t.strictSame(unsureFrom(kept, own, 901), {
    lives: [
      { epoch: 'a', first: 1, sure: 900 },
      { epoch: 'b', first: 1011 },
    ],
    begins: false,
  })
})

t.test('a life that the log has never had needs no word, but the one before it may', async (t) => {
  const own = [
    { epoch: 'a', first: 1, last: 900 },
    { epoch: 'b', first: 901, last: 1000 },
  ]
  t.strictSame(unsureFrom([{ epoch: 'a', first: 1 }], own, 891), {
    lives: [{ epoch: 'a', first: 1, sure: 890 }],
    begins: true,
  })
  t.equal(unsureFrom([{ epoch: 'z', first: 1 }], own, 0), undefined)
})
