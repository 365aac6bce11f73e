import type { Figures, WorkerFigures } from '../metrics/figures.js'
import type { HourCounts, Mark } from '../metrics/last-hour.js'
import type { Quantiles } from '../metrics/recent-times.js'
import type { TopicRate } from '../metrics/topic-rates.js'
import { gapReasons } from './control-schemas.js'
import {
  count,
  described,
  list,
  object,
  orNull,
  ref,
  text,
  words,
  type JsonSchema,
} from './json-schema.js'
import { endReasons } from './stream-schemas.js'

const marks: Record<Mark['kind'], string> = {
  start: 'the process began.',
  drain: 'it began to drain.',
  gaps: 'streams were told of gaps.',
}

/** A count for each of these words. */
function countEach(meanings: Readonly<Record<string, string>>, description: string): JsonSchema {
  const fields = Object.entries(meanings).map(([word, meaning]) => [word, count(meaning)])
  return object(Object.fromEntries(fields) as Record<string, JsonSchema>, { description })
}

const gaps = (when: string): JsonSchema =>
  countEach(gapReasons, `Holes that streams were told of ${when}, by why.`)

const milliseconds = (description: string): JsonSchema => ({
  type: 'number',
  minimum: 0,
  description: `${description}, in milliseconds.`,
})

const perProcess = {
  streams: count('Streams that are open.'),
  systemStreams: count('Those of `$sys` topics.'),
  slowestStreamLag: count('How many events the slowest stream has still to pass.'),
  memory: count('Resident memory, in bytes.'),
  uptimeSeconds: count('For how long it runs, in seconds.'),
}

const worker = object<WorkerFigures>(
  {
    worker: count('Its number, from 1.'),
    pid: count('Its process.'),
    ...perProcess,
  },
  { description: 'One of the workers of the node.' },
)

const lastHour = object<HourCounts>(
  {
    gaps: gaps('in the last hour'),
    busy: count('Pushes refused because the ring was full.'),
    rateLimited: count('Pushes refused by `PUSHES_PER_SECOND`.'),
    limit: count('Streams turned away as one too many.'),
    stalled: count('Streams ended whose connection took nothing.'),
    deadPeers: count('Streams ended whose peer acknowledged nothing.'),
  },
  { description: 'What was counted in the last hour.' },
)

const mark = object<Mark>(
  {
    at: ref('Time'),
    kind: words('What happened.', marks),
    count: count('How many gaps.'),
  },
  { optional: ['count'] },
)

/** The figures of a node. */
export const figureSchemas = {
  Figures: object<Figures>(
    {
      node: text('The name of the node.'),
      version: text('The version of the service.'),
      configured: { type: 'boolean', description: 'Whether credentials are configured.' },
      draining: { type: 'boolean', description: 'Whether it is shutting down.' },
      logReachable: { type: 'boolean', description: 'Whether the log can be written.' },
      head: described('The newest event of the log.', ref('EventId')),
      ...perProcess,
      ring: object<Figures['ring']>({
        events: count('Events in the ring.'),
        bytes: count('The memory that they take, in bytes.'),
        fill: { type: 'number', minimum: 0, description: 'How full the ring is: 1 is full.' },
      }),
      opened: count('Streams that were opened.'),
      closed: countEach(endReasons, 'Streams that ended, by why.'),
      accepted: count('Events that were accepted.'),
      duplicates: count('Pushes answered as repeats of a key.'),
      busy: count('Pushes refused because the ring was full.'),
      rateLimited: count('Pushes refused by `PUSHES_PER_SECOND`.'),
      deliveries: count('Events written to streams.'),
      writes: count('Writes that carried events.'),
      sentBytes: count('Bytes written to streams.'),
      stalls: count('How often a stream had to wait for its connection.'),
      gaps: gaps('since the start'),
      lastHour,
      marks: list(mark, { description: 'What charts mark of the last hour, oldest first.' }),
      loopDelayMs: milliseconds('The longest turn of the event loop in the last second'),
      pushToWriteMs: orNull(
        object<Quantiles>({
          p50: milliseconds('Of half of them at most'),
          p99: milliseconds('Of 99 of 100 at most'),
        }),
        'How old events were when they were written, of the last minute; null where none was.',
      ),
      slowest: list(ref('Stream'), { description: 'The streams that are furthest behind.' }),
      busiest: list(
        object<TopicRate>({
          topic: text('A topic.'),
          perSecond: { type: 'number', minimum: 0, description: 'Events a second.' },
        }),
        { description: 'The topics that got most events in the last ten seconds.' },
      ),
      workers: list(worker, {
        description: 'What each worker has of it; only where there are several.',
      }),
    },
    {
      description: 'What a node holds now, and counts that grow from its start.',
      optional: ['head', 'workers'],
    },
  ),
} as const satisfies Record<string, JsonSchema>
