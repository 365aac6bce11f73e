// Preloaded into a server under test, with --expose-gc: tells its memory when asked.
process.on('message', () => {
  // Twice: what the first round lets go of may hold more.
  globalThis.gc()
  globalThis.gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  process.send(heapUsed + arrayBuffers)
})
process.channel?.unref()
