import cluster from 'node:cluster'
import { fileURLToPath } from 'node:url'
import { nodeName } from '../app.js'
import { internalAddress } from '../listening.js'
import type { Certificate } from '../certificate.js'
import type { ProcessLog } from '../process-log.js'
import type { Settings } from '../settings.js'
import type { Running } from '../signals.js'
import { NodeCounts } from './node-counts.js'
import { WorkerPool } from './worker-pool.js'

const workerProgram = fileURLToPath(new URL('worker.js', import.meta.url))

/**
 * Runs the service as so many workers of this process, which serves nobody itself: it holds the
 * directory of the log, keeps the workers running, and counts what they have in common.
 *
 * @throws LogOpenError, WorkerStartError.
 */
export async function runWorkers(
  settings: Settings,
  certificate: Certificate | undefined,
  { logger, exit }: ProcessLog,
): Promise<Running> {
  // The workers accept from one socket, as the kernel wakes them. Passed on by the primary, in
  // turns, connections are spread more evenly (to a hundredth, not a fifth), but a storm of them
  // takes a half longer, and the primary is one more process that has to keep up.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  cluster.setupPrimary({ exec: workerProgram, args: [] })
  const pool = new WorkerPool({
    start: { settings, node: nodeName(), certificate },
    counts: new NodeCounts(settings),
    logger,
    onHopeless: (why) => {
      logger.fatal({ why }, 'no worker can be kept alive: giving up')
      exit(1)
    },
  })
  if (settings.store.startsWith('file:')) {
    // Loaded only here: who uses Redis needs no LMDB. The directory is held until the process ends.
    const { holdLog } = await import('../logs/hold-log.js')
    await holdLog(settings.store.slice('file:'.length))
  }
  try {
    const { service, internal } = await pool.start(settings.workers)
    if (internal !== undefined) logger.info(internalAddress(internal))
    logger.info({ workers: settings.workers }, `listening on ${service}`)
  } catch (error) {
    pool.kill()
    throw error
  }
  return {
    drain: () => pool.drain(),
    useCertificate: (renewed) => {
      pool.useCertificate(renewed)
    },
    endAtOnce: () => {
      pool.kill()
    },
  }
}
