import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** The heap of this process in use after garbage collection, in bytes. */
export function heapAfterGc(): number {
  // Twice: what the first round lets go of may hold more.
  gc()
  gc()
  return process.memoryUsage().heapUsed
}
