// Preloaded into every process of a server under soak, with --expose-gc: on SIGUSR2 it writes what
// memory it holds after garbage collection to `<SOAK_FOLDER>/<pid>.json`.
import cluster from 'node:cluster'
import { renameSync, writeFileSync } from 'node:fs'
import { getHeapCodeStatistics } from 'node:v8'

/** What memory a process holds after garbage collection, in bytes. */
export interface Report {
  /**
   * The heap in use without code that V8 has compiled: that grows for as long as something runs often
   * enough for the first time, and V8 sees to it.
   */
  readonly heap: number
  /** The heap in use with it. */
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
  const code = getHeapCodeStatistics()
  const heap = heapWithCode - code.code_and_metadata_size - code.bytecode_and_metadata_size
  const report: Report = { heap, heapWithCode, buffers }
  const path = `${folder ?? '.'}/${process.pid}.json`
  writeFileSync(`${path}.new`, JSON.stringify(report))
  renameSync(`${path}.new`, path)
})

// The first process ends with the soak, however that ends; a worker sees for itself what to do.
if (cluster.isPrimary) {
  process.channel?.unref()
  process.once('disconnect', () => process.exit(1))
}
