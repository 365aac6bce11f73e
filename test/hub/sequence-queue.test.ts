import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { SequenceQueue } from '../../dist/hub/sequence-queue.js'

t.test('a queue answers as a plain list does, whatever is pushed and shifted', async () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 5 }) },
    { weight: 2, arbitrary: fc.constant('shift' as const) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
      const queue = new SequenceQueue()
      const list: number[] = []
      let sequence = 0
      for (const step of steps) {
        if (step !== 'shift') {
          sequence += step
          queue.push(sequence)
          list.push(sequence)
        } else if (list.length > 0) {
          queue.shift()
          list.shift()
        }
        assert.equal(queue.length, list.length)
        if (list.length > 0) assert.equal(queue.last, list.at(-1))
        assert.deepEqual(
          list.map((_, index) => queue.at(index)),
          list,
        )
        const at = Math.floor(sequence * 0.7)
        const index = list.findIndex((each) => each >= at)
        assert.equal(queue.indexFrom(at), index === -1 ? list.length : index)
      }
      assert.equal(queue.indexFrom(0), 0)
      assert.equal(queue.indexFrom(sequence + 1), list.length)
    }),
  )
})
