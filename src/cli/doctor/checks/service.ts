import type { IncomingHttpHeaders } from 'node:http'
import { ask, refusedPath, type Answer } from '../ask.js'
import type { Examination } from '../examination.js'
import { ok, problem, type Finding } from '../finding.js'

/** Who answers. */
export interface Identity {
  readonly findings: readonly Finding[]
  readonly headers: IncomingHttpHeaders
  /** How long an answer takes, in milliseconds. */
  readonly headMs: number
  /** Whether there is a use in looking further. */
  readonly goOn: boolean
}

/**
 * Whether it is Ringcast that answers, and takes the credential. It is asked for something that it
 * refuses, as only it does: that answer is short, whatever is on the way.
 */
export async function identify(examination: Examination): Promise<Identity> {
  try {
    const answer = await ask(examination, refusedPath())
    const findings = judged(answer, examination)
    const goOn = findings.every(({ verdict }) => verdict === 'ok')
    return { findings, headers: answer.headers, headMs: answer.headMs, goOn }
  } catch (error) {
    const finding = problem('service', 'unreachable', (error as Error).message)
    return { findings: [finding], headers: {}, headMs: 0, goOn: false }
  }
}

function judged({ status, code, headers, headMs }: Answer, { service }: Examination): Finding[] {
  const found = ok('service', `Ringcast answers, in ${Math.ceil(headMs)} ms`)
  const token = service.headers['authorization'] !== undefined
  switch (code) {
    case 'RINGCAST_INVALID_QUERY':
      return [found]
    case 'RINGCAST_NOT_FOUND':
      return [problem('service', 'path', 'Ringcast answers that there is no /events')]
    case 'RINGCAST_HOST_REFUSED':
      return [problem('service', 'host-refused', 'Ringcast is open to its own machine alone')]
    case 'RINGCAST_UNAUTHENTICATED':
      // With one: it did not arrive, which is another check’s to say.
      return token ? [found] : [found, problem('credential', 'credential', 'it asks for one')]
    case undefined:
      return [problem('service', ...other(status, headers))]
    default:
      return status === 401
        ? [found, problem('credential', 'credential', `it is refused (${code})`)]
        : [problem('service', 'not-ringcast', `the answer is ${status} (${code})`)]
  }
}

function other(
  status: number,
  headers: IncomingHttpHeaders,
): ['unreachable' | 'not-ringcast', string] {
  if (status >= 502 && status <= 504) {
    return ['unreachable', `what is in front answers ${status}: it does not reach the service`]
  }
  const { location } = headers
  const where = location === undefined ? '' : `, on to ${location.slice(0, 200)}`
  return ['not-ringcast', `the answer to /events is ${status}${where}, not one of Ringcast`]
}
