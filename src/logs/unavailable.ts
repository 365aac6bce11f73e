import { RingcastError } from '../errors.js'

/** Why a log cannot be used for now, as its users are told. */
export function unavailable(why: string): RingcastError {
  return new RingcastError('RINGCAST_LOG_UNAVAILABLE', why, { retryAfterSeconds: 1 })
}
