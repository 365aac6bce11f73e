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
  stream.addEventListener('state', ({ detail }) => {
    listener.state(detail)
    // A page is not told why a connection was refused; a request is.
    if (detail === 'connecting' || detail === 'closed') void checkSession(listener, signal)
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
