import type { Server } from 'node:net'

/** How many descriptors are kept back from connections, where the process may have twice as many. */
const kept = 64

/**
 * Keeps a server from taking the last descriptors of the process: what would be one connection too
 * many is closed at once. The service needs some itself, to look for dead peers and to ask others.
 * And at the very end of them libuv can hang: it accepts with one that it holds in reserve, and if
 * meanwhile another thread opened a file, that one is gone, and the event loop spins over
 * connections that it can neither accept nor refuse.
 *
 * @param onRefused told each connection that was refused.
 */
export function keepDescriptors(server: Server, onRefused: () => void): void {
  const limit = descriptorLimit()
  if (limit === undefined) return
  server.maxConnections = limit - Math.min(kept, Math.floor(limit / 2))
  server.on('drop', onRefused)
}

/** How many descriptors the process may have (`ulimit -n`); undefined where that has no end. */
function descriptorLimit(): number | undefined {
  const report = process.report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly soft: number | 'unlimited' } }
  }
  const soft = report.userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : undefined
}
