import type { RingcastFeedEvents } from './follower.js'
import { RingcastFeed } from './ringcast-feed.js'

export type { Envelope, Expiring, Gap, State } from '../records.js'
export type { RingcastFeedEvents } from './follower.js'
export type { RingcastFeed } from './ringcast-feed.js'
export type { Words } from './words.js'

type CustomEvents = { [Type in keyof RingcastFeedEvents]: CustomEvent<RingcastFeedEvents[Type]> }

declare global {
  interface HTMLElementTagNameMap {
    'ringcast-feed': RingcastFeed
  }
  // They bubble: all that is around the element may listen.
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type
  interface GlobalEventHandlersEventMap extends CustomEvents {}
}

const name = 'ringcast-feed'
const registry = (globalThis as Partial<typeof globalThis>).customElements
// A page may have the script twice.
if (registry !== undefined && registry.get(name) === undefined) registry.define(name, RingcastFeed)
