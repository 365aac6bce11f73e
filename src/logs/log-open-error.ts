/** A log that cannot be opened. The message is one line that says why and what to do; exit code 1. */
export class LogOpenError extends Error {
  override readonly name = 'LogOpenError'
}
