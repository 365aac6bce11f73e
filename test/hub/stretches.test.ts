import t from 'tap'
import type { AcceptedEvent } from '../../dist/hub/event.js'
import { Filter } from '../../dist/hub/filter.js'
import {
  noStretches,
  restarted,
  stretchesFrom,
  turned,
  wasSent,
  type Stretches,
} from '../../dist/hub/stretches.js'

const a = { filter: new Filter(['a']), user: 'ada' }
const b = { filter: new Filter(['b']), user: 'ada' }

function event(sequence: number, topics: string[], users: string[] = []): AcceptedEvent {
  const rest = { event: undefined, data: '', json: false, key: undefined, epoch: 'e', time: '' }
  return { sequence, topics, users, ...rest }
}

t.test('what was wanted when it was passed was sent', async (t) => {
  // a from 10, b from 20, nothing known after 30.
  const stretches = turned(turned(stretchesFrom(10), a, 20, 0), b, 30, 0)
  t.equal(wasSent(stretches, event(10, ['a'])), true)
  t.equal(wasSent(stretches, event(9, ['a'])), false, 'before it began')
  t.equal(wasSent(stretches, event(19, ['b'])), false)
  t.equal(wasSent(stretches, event(20, ['a'])), false)
  t.equal(wasSent(stretches, event(29, ['b', 'c'])), true)
  t.equal(wasSent(stretches, event(15, [], ['ada'])), true)
  t.equal(stretches.since, 30)
})

t.test('what is retained no more is forgotten', async (t) => {
  const stretches = turned(turned(stretchesFrom(10), a, 20, 0), b, 30, 20)
  t.same(
    stretches.passed.map(({ from }) => from),
    [20],
  )
})

t.test('a client that changes its mind often is known from later on', async (t) => {
  let stretches: Stretches = stretchesFrom(0)
  for (let place = 10; place <= 200; place += 10) stretches = turned(stretches, a, place, 0)
  t.equal(stretches.passed.length, 16)
  t.equal(stretches.knownFrom, 40)
  t.equal(stretches.passed[0]!.from, 40)
  const still = turned(stretches, b, 200, 0)
  t.equal(still.passed.length, 16, 'a change at the same place adds nothing')
})

t.test('what a log has lost was not sent', async (t) => {
  const stretches = restarted(turned(stretchesFrom(10), a, 20, 0), b, 15, 17)
  t.equal(wasSent(stretches, event(14, ['a'])), true)
  t.equal(wasSent(stretches, event(15, ['a'])), false)
  t.equal(wasSent(stretches, event(16, ['b'])), false)
  t.equal(stretches.since, 17)
  t.equal(restarted(noStretches, a, 1, 1), noStretches)
})
