import type { Gap, State } from '../records.js'

/** All that the element says by itself, so that a page can say it in its own language. */
export interface Words extends Record<State, string> {
  /** What the element is called where the page gives it no `aria-label`. */
  readonly feed: string
  /** What the list is called. */
  readonly events: string
  /** Where there are no events yet. */
  readonly empty: string
  /** The button that holds the list still; its name does not change with its state. */
  readonly pause: string
  /** The button that shows the rest of long data. */
  readonly more: string
  /** The same button, once all is shown. */
  readonly less: string
  /** How many events wait while the list is held still: `7`, or `50+`. */
  readonly waiting: (count: string) => string
  /** What is said to screen readers of several new rows; the newest is said behind it. */
  readonly news: (count: string) => string
  /** A hole, in its place in the list. */
  readonly gap: (reason: Gap['reason']) => string
}

const whys: Partial<Record<string, string>> = {
  evicted: 'they are no longer kept',
  epoch: 'the service began a new log',
  unknown: 'the service does not know where this page was',
  lagged: 'this page was too slow',
}

/** English. */
export const english: Words = {
  connecting: 'Connecting…',
  live: 'Live',
  stale: 'No answer, may be old',
  closed: 'Ended',
  feed: 'Live feed',
  events: 'Events, newest first',
  empty: 'Nothing yet',
  pause: 'Pause',
  more: 'Show all',
  less: 'Show less',
  waiting: (count) => `${count} waiting`,
  news: (count) => `${count} new.`,
  gap: (reason) => `Events may be missing here: ${whys[reason] ?? reason}`,
}
