import { RingcastError } from '../errors.js'

/** The refusal of a credential. `problem` goes on from "the credential is not valid: ". */
export function invalidCredential(problem: string): RingcastError {
  return new RingcastError('RINGCAST_INVALID_CREDENTIAL', `the credential is not valid: ${problem}`)
}
