// Preloaded into a server under test, with --expose-gc: tells of its process when asked.
import cluster from 'node:cluster'
import { monitorEventLoopDelay } from 'node:perf_hooks'

let turns

const answers = {
  // `heapUsed + arrayBuffers` after garbage collection, in bytes.
  memory() {
    // Twice: what the first round lets go of may hold more.
    globalThis.gc()
    globalThis.gc()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  },
  'watch turns'() {
    turns = monitorEventLoopDelay({ resolution: 1 })
    turns.enable()
  },
  // The longest turn of the event loop that was watched, in milliseconds.
  'longest turn': () => turns.max / 1e6,
}

process.on('message', (question) => {
  // In a worker the primary asks other things.
  const answer = answers[question]?.()
  if (answer !== undefined) process.send(answer)
})
// A worker lives by its channel, until it listens.
if (cluster.isPrimary) process.channel?.unref()
