import fc from 'fast-check'
import type { AcceptedEvent } from '../../dist/hub/event.js'
import { Filter, type Wants } from '../../dist/hub/filter.js'
import { Ring } from '../../dist/hub/ring.js'

/** An event as the log would give it to the ring. */
export function accepted(sequence: number, more: Partial<AcceptedEvent> = {}): AcceptedEvent {
  return {
    topics: ['a'],
    users: [],
    event: undefined,
    data: '',
    json: false,
    key: undefined,
    epoch: 'e',
    sequence,
    time: '2026-01-02T03:04:05.006Z',
    ...more,
  }
}

/** What is wanted of topics and patterns, and of a user. */
export function wantsOf(topics: readonly string[], user?: string): Wants {
  return { filter: new Filter(topics), user }
}

/** A ring of so many events that these were appended to, from sequence 1 on. */
export function ringOf(maxEvents: number, events: readonly Partial<AcceptedEvent>[]): Ring {
  const ring = new Ring(maxEvents, 1e9, 1)
  for (const [index, event] of events.entries()) ring.append(accepted(index + 1, event))
  return ring
}

const topics = ['a', 'b', 'a/x', 'a/y', 'b/x', 'rare']

/** Whom an event is for: one or two topics of few, or users of two. */
export const addressees: fc.Arbitrary<{ topics: string[]; users: string[] }> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      topics: fc.subarray(topics, { minLength: 1, maxLength: 2 }),
      users: fc.constant<string[]>([]),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      topics: fc.constant<string[]>([]),
      users: fc.subarray(['ann', 'bob'], { minLength: 1 }),
    }),
  },
)

/** What a stream may want of such events, by exact topics only or with patterns. */
export const anyWants: fc.Arbitrary<Wants> = fc
  .record({
    topics: fc.oneof(
      fc.subarray(topics, { minLength: 1, maxLength: 4 }),
      fc.subarray([...topics, '*', 'a/*', '**', '*/x', 'b/**'], { minLength: 1, maxLength: 3 }),
    ),
    user: fc.option(fc.constantFrom('ann', 'bob', 'eve'), { nil: undefined }),
  })
  .map(({ topics, user }) => wantsOf(topics, user))
