import fc from 'fast-check'
import t from 'tap'
import { RecentKeys } from '../../dist/logs/recent-keys.js'

/** So few places that keys fall on each other's in the table, and that the ring goes round. */
const most = 6
const names = Array.from({ length: 12 }, (_, n) => `key ${n}`)

/** What is to be known: the same ring as a list, in which who came again or was deleted has no name. */
class Model {
  #records: { name: string | undefined; at: number; sequence: number }[] = []

  set(name: string, at: number, sequence: number): void {
    this.delete(name)
    if (this.#records.length === most) this.#records.shift()
    this.#records.push({ name, at, sequence })
  }

  delete(name: string): void {
    for (const record of this.#records) if (record.name === name) record.name = undefined
    while (this.#records.length > 0 && this.#records.at(-1)!.name === undefined) this.#records.pop()
  }

  forgetBefore(time: number): void {
    const kept = this.#records.findIndex(({ name, at }) => name !== undefined && at >= time)
    this.#records.splice(0, kept === -1 ? this.#records.length : kept)
  }

  get(name: string): { at: number; sequence: number } | undefined {
    return this.#records.find((record) => record.name === name)
  }
}

t.test(
  'it knows the newest keys, whatever comes, comes again, is deleted or forgotten',
  async () => {
    const name = fc.constantFrom(...names)
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ set: name, later: fc.nat(3) }) },
      { weight: 2, arbitrary: fc.record({ delete: name }) },
      { weight: 1, arbitrary: fc.record({ forget: fc.nat(10) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const keys = new RecentKeys(most)
        const model = new Model()
        let [at, sequence] = [0, 0]
        for (const step of steps) {
          if ('set' in step) {
            at += step.later
            sequence++
            const content = Buffer.alloc(32, sequence)
            keys.set(keys.idOf(step.set), { epoch: epochOf(sequence), sequence, content, at })
            model.set(step.set, at, sequence)
          } else if ('delete' in step) {
            keys.delete(keys.idOf(step.delete))
            model.delete(step.delete)
          } else {
            keys.forgetBefore(at - step.forget)
            model.forgetBefore(at - step.forget)
          }
          if (!names.every((name) => isSame(keys, model, name))) return false
        }
        return true
      }),
      { numRuns: 500 },
    )
  },
)

function epochOf(sequence: number): string {
  return `life ${Math.floor(sequence / 8)}`
}

function isSame(keys: RecentKeys, model: Model, name: string): boolean {
  const [known, expected] = [keys.get(keys.idOf(name)), model.get(name)]
  if (known === undefined || expected === undefined) return known === expected
  const { sequence, at } = expected
  return (
    known.sequence === sequence &&
    known.at === at &&
    known.epoch === epochOf(sequence) &&
    known.content.equals(Buffer.alloc(32, sequence))
  )
}
