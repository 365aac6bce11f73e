import fc from 'fast-check'
import type { EventDraft } from '../../dist/hub/event.js'
import { draft, heartbeatMs, patterns, topics, users } from './promise-scenario.js'

/** Where a client begins, or what it wants to be sent of what it has passed. */
export interface From {
  /** `earliest`, or so many events before the newest. */
  readonly after?: 'earliest' | number
  readonly last?: number
}

/** One thing that happens; `who` is a client. */
export type Step =
  | { do: 'push'; batch: EventDraft[] }
  | { do: 'slice'; times: number }
  | { do: 'pass time'; ms: number }
  | { do: 'connect'; who: number }
  | { do: 'subscribe'; who: number; topics: string[]; from: From }
  | { do: 'unsubscribe'; who: number; topics: string[] }
  | { do: 'stall' | 'drain' | 'cut' | 'end'; who: number }

/** A hub, its clients, and what happens to them. */
export interface Scenario {
  readonly ringEvents: number
  readonly ringBytes: number
  /** How many events the log retains beyond the ring; undefined for a log that keeps nothing. */
  readonly retained: number | undefined
  readonly lookMs: number
  /** The users of the clients. */
  readonly clients: (string | undefined)[]
  readonly steps: Step[]
}

const some = fc.oneof(
  { weight: 3, arbitrary: fc.subarray(topics, { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.subarray([...topics, ...patterns], { minLength: 1, maxLength: 3 }) },
)
const from: fc.Arbitrary<From> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({}) },
  { weight: 2, arbitrary: fc.record({ after: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.constant({ after: 'earliest' as const }) },
  { weight: 1, arbitrary: fc.record({ last: fc.nat(12) }) },
)
const who = fc.nat(3)
const many = fc.oneof(
  { weight: 4, arbitrary: fc.array(draft, { minLength: 1, maxLength: 1 }) },
  { weight: 1, arbitrary: fc.array(draft, { minLength: 2, maxLength: 9, size: 'max' }) },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ do: fc.constant('push' as const), batch: many }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('slice' as const), times: fc.nat(4) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('pass time' as const), ms: fc.nat(3 * heartbeatMs) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('subscribe' as const), who, topics: some, from }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), who, topics: some }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('connect' as const), who }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('stall' as const, 'drain' as const, 'drain' as const),
      who,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'end' as const), who }),
  },
)

/** Any scenario. */
export const scenario: fc.Arbitrary<Scenario> = fc.record({
  ringEvents: fc.integer({ min: 8, max: 32 }),
  ringBytes: fc.constantFrom(20_000, 100_000, 1_000_000),
  retained: fc.constantFrom(undefined, 40, 1_000_000),
  lookMs: fc.constantFrom(0, 0.1, 1),
  clients: fc.array(fc.option(fc.constantFrom(...users), { nil: undefined }), {
    minLength: 1,
    maxLength: 4,
  }),
  steps: fc.array(step, { maxLength: 250, size: 'max' }),
})
