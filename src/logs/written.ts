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

/**
 * Puts what `put` puts into the store, all or nothing, and resolves when it is on disk.
 *
 * @throws WriteFailed
 */
export async function written({ root }: Store, put: () => void): Promise<void> {
  try {
    await root.batch(put)
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
