// Preloaded into every process of a server under soak, with --expose-gc: on SIGUSR2 it writes what
// memory it holds after garbage collection to `<SOAK_FOLDER>/<pid>.json`, and the objects on its heap to
// `<SOAK_FOLDER>/<pid>.heapsnapshot`.
import cluster from 'node:cluster'
import { renameSync, writeFileSync } from 'node:fs'
import { writeHeapSnapshot } from 'node:v8'

/** What memory a process holds after garbage collection, in bytes. */
export interface Report {
  /** The heap in use, with the code that V8 has compiled. */
  readonly heapWithCode: number
  /** Buffers beside the heap. */
  readonly buffers: number
}

const { gc } = globalThis
const folder = process.env['SOAK_FOLDER']

process.on('SIGUSR2', () => {
  // Twice: what the first round lets go of may hold more.
  gc?.()
  gc?.()
  const { heapUsed: heapWithCode, arrayBuffers: buffers } = process.memoryUsage()
  const path = `${folder ?? '.'}/${process.pid}`
  writeHeapSnapshot(`${path}.heapsnapshot`)
  const report: Report = { heapWithCode, buffers }
  writeFileSync(`${path}.new`, JSON.stringify(report))
  renameSync(`${path}.new`, `${path}.json`)
})

// The first process ends with the soak, however that ends; a worker sees for itself what to do.
if (cluster.isPrimary) {
  process.channel?.unref()
  process.once('disconnect', () => process.exit(1))
}
