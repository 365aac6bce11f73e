import type { Contender, Server } from '../contender.js'
import { StreamLoad } from '../load.js'
import type { Case, Figures } from '../shape.js'

/** Runs a measurement on a server of its own, with a load program for its streams. */
export async function withStreams<S extends Server, T>(
  start: () => Promise<S>,
  measure: (server: S, streams: StreamLoad) => Promise<T>,
): Promise<T> {
  const server = await start()
  const streams = new StreamLoad(server.port, server.streamsAConnection)
  try {
    return await measure(server, streams)
  } finally {
    await streams.end()
    await server.stop()
  }
}

/** The case of one contender, whose figures are one row. */
export function caseOf<S extends Server>(
  contender: Contender<S>,
  measure: (server: S, streams: StreamLoad) => Promise<Figures>,
): Case {
  return {
    name: contender.name,
    missing: contender.missing,
    run: async () => ({
      [contender.name]: await withStreams(() => contender.start(), measure),
    }),
  }
}
