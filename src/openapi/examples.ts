/** The story that the examples tell; a test replays it, in this order, against the service. */

/** The ids of the events that are pushed, in their order, and the place before them. */
export const ids = {
  before: 'toyc8inxxy-0',
  status: 'toyc8inxxy-1',
  user: 'toyc8inxxy-2',
  many: ['toyc8inxxy-3', 'toyc8inxxy-4'],
  lines: ['toyc8inxxy-5', 'toyc8inxxy-6'],
  text: 'toyc8inxxy-7',
} as const

/** When events are accepted, streams opened and gaps told. */
export const time = '2026-11-25T17:39:41.727Z'

/** The node, and a stream of it. */
export const node = '3rgxg2'
export const stream = `${node}.1`

/** What is pushed, by the names that the examples have. */
export const status = {
  topic: 'orders/42',
  event: 'status',
  data: { status: 'paid' },
  key: 'order-42-paid',
} as const
export const toUser = { user: 'ada', data: 'Your order is on its way.' } as const
export const many = [
  { topic: 'orders/43', data: { status: 'packed' } },
  { topic: ['orders/44', 'public/news'], data: 'Free shipping till Friday' },
] as const
export const lines = [
  { topic: 'log/app', data: 'started' },
  { topic: 'log/app', data: 'ready' },
] as const
export const plain = 'Tonight from 22:00 to 22:15 we are away.'

/** The first event as it is told. */
export const statusEvent = {
  id: ids.status,
  topics: [status.topic],
  event: status.event,
  data: status.data,
  key: status.key,
  time,
}
