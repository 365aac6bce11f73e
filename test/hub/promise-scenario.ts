import fc from 'fast-check'
import type { EventDraft } from '../../dist/hub/event.js'

export const topics = ['a', 'b', 'a/x', 'a/y', 'b/x/y', 'c/x']
export const patterns = ['*', '**', 'a/*', 'b/**', '*/x', 'c/*']
export const users = ['ann', 'bob']
export const heartbeatMs = 1000

/** Who subscribes, to what, and how it begins. */
export interface ClientSpec {
  readonly topics: readonly string[]
  readonly user: string | undefined
  readonly envelope: boolean
  readonly control: boolean
  readonly start: { lastEventId?: string; last?: number }
}

/** One thing that happens; `who` is a client. */
export type Step =
  | { do: 'push'; batch: EventDraft[] }
  | { do: 'slice'; times: number }
  | { do: 'pass time'; ms: number }
  | { do: 'connect' | 'stall' | 'drain' | 'vanish' | 'end'; who: number }
  | { do: 'cut'; who: number; arrived: number }

/** A hub, its clients, and what happens to them. */
export interface Scenario {
  readonly ringEvents: number
  readonly ringBytes: number
  /** How many events the log retains beyond the ring; undefined for a log that keeps nothing. */
  readonly retained: number | undefined
  /** How far the clock moves whenever it is read: slices of the dispatcher end by it. */
  readonly lookMs: number
  readonly clients: ClientSpec[]
  readonly steps: Step[]
  /** What happens last, while all are connected, before the hub shuts down. */
  readonly lastSteps: Step[]
}

const data = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.string({ maxLength: 8, unit: fc.constantFrom('x', 'ü', '\n', '\r', ' ') }),
  },
  // A few of these fill a gather, so that catching up takes more than one turn.
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 14 }).map((n) => 'y'.repeat(n * 1000)) },
)

/** An event, whoever pushes it. */
export const draft: fc.Arbitrary<EventDraft> = fc
  .record({
    to: fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ topics: fc.subarray(topics, { minLength: 1, maxLength: 2 }) }),
      },
      { weight: 1, arbitrary: fc.record({ users: fc.subarray(users, { minLength: 1 }) }) },
    ),
    event: fc.option(fc.constantFrom('made', 'gone'), { nil: undefined }),
    data,
    key: fc.nat(60).map((n) => (n < 5 ? n : undefined)),
  })
  .map(({ to, event, data, key }) => {
    const common = { topics: [], users: [], json: false, ...to }
    // What has a key is always the same, or the push would be a conflict.
    return key === undefined
      ? { ...common, event, data, key }
      : { ...common, topics: ['a'], users: [], event: undefined, data: '', key: `k${key}` }
  })

const client: fc.Arbitrary<ClientSpec> = fc.record({
  topics: fc.oneof(
    { weight: 3, arbitrary: fc.subarray(topics, { minLength: 1, maxLength: 3 }) },
    { weight: 2, arbitrary: fc.subarray([...topics, ...patterns], { minLength: 1, maxLength: 3 }) },
  ),
  user: fc.option(fc.constantFrom(...users), { nil: undefined }),
  envelope: fc.boolean(),
  control: fc.integer({ min: 0, max: 7 }).map((n) => n > 0),
  start: fc.oneof(
    fc.constant({}),
    fc.constant({ lastEventId: 'earliest' }),
    fc.record({ last: fc.nat(6) }),
  ),
})

const who = fc.nat(11)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('push' as const),
      batch: fc.oneof(
        { weight: 4, arbitrary: fc.array(draft, { minLength: 1, maxLength: 1 }) },
        { weight: 1, arbitrary: fc.array(draft, { minLength: 2, maxLength: 9, size: 'max' }) },
      ),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('slice' as const),
      times: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('pass time' as const), ms: fc.nat(3 * heartbeatMs) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('connect' as const), who }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('stall' as const, 'drain' as const, 'drain' as const),
      who,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('vanish' as const, 'end' as const), who }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('cut' as const),
      who,
      arrived: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
)

const lastStep = step.filter(({ do: what }) => ['push', 'slice', 'stall', 'drain'].includes(what))

/** Any scenario. */
export const scenario: fc.Arbitrary<Scenario> = fc.record({
  ringEvents: fc.integer({ min: 8, max: 32 }),
  ringBytes: fc.constantFrom(6_000, 20_000, 100_000, 1_000_000),
  retained: fc.constantFrom(undefined, 40, 100, 1_000_000),
  lookMs: fc.constantFrom(0, 0.1, 1),
  clients: fc.array(client, { minLength: 1, maxLength: 12, size: 'max' }),
  steps: fc.array(step, { maxLength: 250, size: 'max' }),
  lastSteps: fc.array(lastStep, { maxLength: 20, size: 'max' }),
})
