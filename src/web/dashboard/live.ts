import { connect, type State } from '../client.js'
import type { Figures, StreamChanges } from './figures.js'
import { ask, ServiceError } from './service.js'

/** Who is told what comes of the service's own topics. */
export interface LiveListener {
  figures(figures: Figures): void
  streams(changes: StreamChanges): void
  state(state: State): void
  /** The session is over, or was taken back. */
  signedOut(): void
}

/** How long the first connection may take, in milliseconds, before the page says so. */
const connectMs = 3_000

/** Follows the service's own topics, until `signal` is aborted. */
export function follow(listener: LiveListener, signal: AbortSignal): void {
  const stream = connect('events', {
    topics: ['$sys/stats', '$sys/streams'],
    share: true,
    signal,
  })
  stream.addEventListener('event', ({ detail: { topics, data } }) => {
    if (topics[0] === '$sys/stats') listener.figures(data as Figures)
    else listener.streams(data as StreamChanges)
  })
  const tell = (state: State): void => {
    listener.state(state)
    // A page is not told why a connection was refused; a request is.
    if (state === 'connecting' || state === 'closed') void checkSession(listener, signal)
  }
  stream.addEventListener('state', ({ detail }) => {
    tell(detail)
  })
  // It begins as `connecting`: where it stays so, there is nothing that would tell.
  const late = setTimeout(() => {
    if (stream.state === 'connecting') tell('connecting')
  }, connectMs)
  signal.addEventListener('abort', () => {
    clearTimeout(late)
  })
}

async function checkSession(listener: LiveListener, signal: AbortSignal): Promise<void> {
  try {
    await ask('api/stats')
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    if (error.isAboutCredentials && !signal.aborted) listener.signedOut()
  }
}
