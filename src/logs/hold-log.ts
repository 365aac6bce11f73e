import type { DirectoryLock } from './directory-lock.js'
import { LogState } from './log-state.js'
import { described, openStore } from './store.js'

/**
 * Takes the directory of a log for the processes that are to share it, and sees to it that they can:
 * it is made if it is missing, checked, and begun. The log itself is theirs to open, with `peers`.
 *
 * @throws LogOpenError where it cannot be used, or cannot be trusted.
 */
export async function holdLog(directory: string): Promise<DirectoryLock> {
  const store = await openStore(directory)
  try {
    await new LogState(store, Date.now).begin()
    return (await store.handOver())!
  } catch (error) {
    await store.close()
    throw described(error, directory)
  }
}
