import t from 'tap'
import type { AcceptedEvent } from '../../dist/hub/event.js'
import { joined, message, replayedEvent, websocket } from '../../dist/wire/websocket.js'

const event: AcceptedEvent = {
  epoch: 'e',
  sequence: 5,
  topics: ['a', 'b'],
  users: [],
  event: 'status',
  data: '{"n":1}',
  json: true,
  key: 'k',
  time: '2026-01-01T00:00:00.000Z',
}

/** The text of one whole frame, its length in as few bytes as RFC 6455 section 5.2 demands. */
function textOf(frame: Buffer): string {
  const short = frame[1]!
  const [head, length] =
    short < 126
      ? [2, short]
      : short === 126
        ? [4, frame.readUInt16BE(2)]
        : [10, Number(frame.readBigUInt64BE(2))]
  if (frame[0] !== 0x81 || frame.length !== head + length) throw new Error('no whole text frame')
  return frame.toString('utf8', head)
}

t.test('an event is one text frame, with its id and all that was pushed', async (t) => {
  t.same(JSON.parse(textOf(websocket.event(event))), {
    type: 'event',
    id: 'e-5',
    topics: ['a', 'b'],
    event: 'status',
    data: { n: 1 },
    key: 'k',
    time: event.time,
  })
  const text: AcceptedEvent = { ...event, event: undefined, key: undefined, json: false }
  t.same(Object.keys(JSON.parse(textOf(websocket.event(text))) as object), [
    'type',
    'id',
    'topics',
    'data',
    'time',
  ])
})

t.test('what is sent again says so', async (t) => {
  const live = JSON.parse(textOf(websocket.event(event))) as object
  t.same(JSON.parse(textOf(replayedEvent(event))), { ...live, replay: true })
})

t.test('a length is told in 7, 16 or 64 bits', async (t) => {
  for (const length of [0, 125, 126, 127, 65_535, 65_536, 200_000]) {
    const text = 'é'.repeat(length >> 1) + 'x'.repeat(length % 2)
    const frame = message([text])
    t.equal(textOf(frame), JSON.stringify([text]))
  }
})

t.test('control events have their id and the time to come back, where there is one', async (t) => {
  const bye = { type: 'bye', reason: 'shutdown', reconnect: true, retryMs: 7 } as const
  t.same(JSON.parse(textOf(websocket.control(bye, { retryMs: 7 }))), bye)
  t.same(JSON.parse(textOf(websocket.control({ type: 'cursor' }, { id: 'e-1' }))), {
    type: 'cursor',
    id: 'e-1',
  })
})

t.test('a write is its frames, one after the other; a single one is not copied', async (t) => {
  const one = message({ n: 1 })
  t.equal(joined([one]).bytes, one)
  t.same(joined([one, one]), { bytes: Buffer.concat([one, one]), start: 0, end: 2 * one.length })
})
