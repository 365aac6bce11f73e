import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Store } from './store.js'

/** The system errors that LMDB passes on as numbers. */
const systemErrors: Readonly<Record<number, string>> = { 5: 'EIO', 27: 'EFBIG', 28: 'ENOSPC' }
/** LMDB's own way to say that there is no room left. */
const mapFull = -30792

/** A write that failed. What it would have changed is as it was before, but for a failure of the disk. */
export class WriteFailed extends Error {
  override readonly name = 'WriteFailed'

  constructor(
    message: string,
    /** As of the operating system: `ENOSPC`, `EIO`; undefined for any other reason. */
    readonly code: string | undefined,
  ) {
    super(message)
  }
}

/** With less room than this, in bytes, a disk counts as full. */
const littleRoom = 1024 * 1024

/** What is to be written; nothing, where there is no `put`. */
export interface Plan {
  /** Puts what is planned, and throws nothing of its own. */
  readonly put: (() => void) | undefined
}

/**
 * Lets `plan` read the store and say what to write, and writes it: all or nothing. It resolves with
 * the plan when that is on disk. Where other processes write too, nobody does so between the two;
 * to hold the lock while this process plans costs one that is alone a tenth of its appends for nothing.
 *
 * @throws WriteFailed
 */
export async function written<T extends Plan>(
  { root, isShared }: Store,
  plan: () => T,
): Promise<T> {
  try {
    if (isShared) {
      return await root.childTransaction(() => {
        const planned = plan()
        planned.put?.()
        return planned
      })
    }
    // What is planned from has to be what was written last.
    root.resetReadTxn()
    const planned = plan()
    if (planned.put !== undefined) await root.batch(planned.put)
    return planned
  } catch (error) {
    throw await failureOf(error)
  }
}

/** Of a commit that failed LMDB says why in a second error. */
async function failureOf(error: unknown): Promise<WriteFailed> {
  const { commitError } = error as { commitError?: Promise<never> }
  const cause = await Promise.resolve(commitError).catch((reason: unknown) => reason)
  const { message, code } = (cause ?? error) as { message: string; code?: number }
  if (code === undefined) return new WriteFailed(message, undefined)
  return new WriteFailed(message, code === mapFull ? 'ENOSPC' : systemErrors[code])
}

/** Why something could not be written, in words. */
export function whyNotWritten({ dataFile }: Store, error: unknown): string {
  const directory = dirname(dataFile)
  // Of a disk that takes only a part of a write LMDB says that it failed, not why.
  const { bavail, bsize } = statfsSync(directory)
  const isFull =
    (error instanceof WriteFailed && error.code === 'ENOSPC') || bavail * bsize < littleRoom
  return isFull
    ? `the disk of the log is full (${directory})`
    : `the log cannot be written (${String(error)})`
}
