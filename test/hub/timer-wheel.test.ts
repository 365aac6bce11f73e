import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { TimerWheel, type Timed } from '../../dist/hub/timer-wheel.js'

interface Item extends Timed {
  readonly name: number
}

function item(name = 0): Item {
  return { name, wheelTick: -1, wheelPrevious: undefined, wheelNext: undefined }
}

/** A wheel with ticks of 10 ms, and the names of what it told. */
function wheelOf(onDue: (item: Item, wheel: TimerWheel<Item>) => void = () => {}) {
  const told: number[] = []
  const wheel: TimerWheel<Item> = new TimerWheel<Item>(10, 0, (due) => {
    told.push(due.name)
    onDue(due, wheel)
  })
  return { wheel, told }
}

t.test('an item is told once, not before it is due, and at most a tick later', async (t) => {
  const { wheel, told } = wheelOf()
  wheel.set(item(1), 25)
  wheel.advance(29)
  t.strictSame(told, [])
  wheel.advance(30)
  t.strictSame(told, [1])
  wheel.advance(10_000_000)
  t.strictSame(told, [1])
})

t.test('what is due already is told at the next tick', async (t) => {
  const { wheel, told } = wheelOf()
  wheel.advance(100)
  wheel.set(item(1), 50)
  wheel.set(item(2), 100)
  wheel.advance(109)
  t.strictSame(told, [])
  wheel.advance(110)
  t.strictSame(told.sort(), [1, 2])
})

t.test(
  'an item that is set again is due at the later call only, a cleared one never',
  async (t) => {
    const { wheel, told } = wheelOf()
    const [moved, cleared] = [item(1), item(2)]
    for (const each of [moved, cleared]) wheel.set(each, 20)
    wheel.set(moved, 40)
    wheel.clear(cleared)
    wheel.clear(cleared)
    wheel.advance(39)
    t.strictSame(told, [])
    wheel.advance(40)
    t.strictSame(told, [1])
  },
)

t.test('no time is too far away, and never is never', async (t) => {
  const { wheel, told } = wheelOf()
  const [far, never] = [item(1), item(2)]
  const year = 365 * 24 * 3600 * 1000
  wheel.set(far, year)
  wheel.set(never, Infinity)
  for (const at of [1, 10_240, 1e6, year - 1]) {
    wheel.advance(at)
    t.strictSame(told, [])
  }
  wheel.advance(year)
  t.strictSame(told, [1])
  wheel.set(never, year + 10)
  wheel.advance(year + 10)
  t.strictSame(told, [1, 2])
})

t.test('what is told may set itself again, and clear and set its neighbours', async (t) => {
  const [a, b, c] = [item(1), item(2), item(3)]
  const { wheel, told } = wheelOf((due, wheel) => {
    if (due === c) {
      wheel.clear(b)
      wheel.set(a, 50)
      wheel.set(c, 40)
    }
  })
  for (const each of [a, b, c]) wheel.set(each, 20)
  wheel.advance(20)
  t.strictSame(told, [3], 'the last that was set is told first')
  wheel.clear(c)
  wheel.advance(1000)
  t.strictSame(told, [3, 1])
})

t.test('a clock that goes back moves nothing', async (t) => {
  const { wheel, told } = wheelOf()
  wheel.advance(1000)
  wheel.advance(500)
  wheel.set(item(1), 1010)
  wheel.advance(1000)
  t.strictSame(told, [])
  wheel.advance(1010)
  t.strictSame(told, [1])
})

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ set: fc.nat(5), after: fc.nat(300) }) },
  { weight: 1, arbitrary: fc.record({ set: fc.nat(5), after: fc.nat(40_000) }) },
  { weight: 1, arbitrary: fc.record({ clear: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ pass: fc.nat(200) }) },
  { weight: 1, arbitrary: fc.record({ pass: fc.nat(30_000) }) },
)

t.test(
  'the wheel tells what a sorted list would, whatever is set, cleared and passed',
  async () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
        const { wheel, told } = wheelOf()
        const items = Array.from({ length: 6 }, (_, name) => item(name))
        const dueTick = new Map<number, number>()
        let now = 0
        for (const step of steps) {
          if ('set' in step) {
            wheel.set(items[step.set]!, now + step.after)
            const ticks = [Math.ceil((now + step.after) / 10), Math.floor(now / 10) + 1]
            dueTick.set(step.set, Math.max(...ticks))
          } else if ('clear' in step) {
            wheel.clear(items[step.clear]!)
            dueTick.delete(step.clear)
          } else {
            now += step.pass
            wheel.advance(now)
            const due = [...dueTick].filter(([, tick]) => tick * 10 <= now)
            assert.deepEqual(
              told.splice(0).sort(),
              due.map(([name]) => name).sort(),
              'the same items are told',
            )
            for (const [name] of due) dueTick.delete(name)
          }
        }
      }),
    )
  },
)
