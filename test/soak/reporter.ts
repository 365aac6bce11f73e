// Preloaded into every process of a server under soak, with --expose-gc: on SIGUSR2 it writes what
// memory it holds after garbage collection to `<SOAK_FOLDER>/<pid>.json`.
import cluster from 'node:cluster'
import { renameSync, writeFileSync } from 'node:fs'

const { gc } = globalThis
const folder = process.env['SOAK_FOLDER']

process.on('SIGUSR2', () => {
  // Twice: what the first round lets go of may hold more.
  gc?.()
  gc?.()
  const path = `${folder ?? '.'}/${process.pid}.json`
  writeFileSync(`${path}.new`, JSON.stringify(process.memoryUsage()))
  renameSync(`${path}.new`, path)
})

// The first process ends with the soak, however that ends; a worker sees for itself what to do.
if (cluster.isPrimary) {
  process.channel?.unref()
  process.once('disconnect', () => process.exit(1))
}
