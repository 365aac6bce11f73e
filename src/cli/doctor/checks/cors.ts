import type { IncomingHttpHeaders } from 'node:http'
import { ask, refusedPath } from '../ask.js'
import type { Examination } from '../examination.js'
import { ok, problem, unknown, type Finding } from '../finding.js'

/** What a client library sends. */
const asked = ['authorization', 'last-event-id']

/** Whether a page of the given origin may use the service (WHATWG Fetch, section 3.3). */
export async function checkCors(examination: Examination): Promise<Finding> {
  const { origin } = examination
  if (origin === undefined)
    return unknown('cors', 'of which page? --origin https://app.example.com')
  try {
    const plain = await ask(examination, refusedPath(), { headers: { origin } })
    if (plain.code === 'RINGCAST_ORIGIN_REFUSED') {
      return problem('cors', 'origins', `the service does not know ${origin}`)
    }
    const preflight = await ask(examination, '/events', {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'GET',
        'access-control-request-headers': asked.join(','),
      },
    })
    const fault =
      faultOf(plain.headers, origin, 'an answer') ??
      varyFault(plain.headers) ??
      preflightFault(preflight.status, preflight.headers, origin)
    if (fault === undefined) return ok('cors', `pages of ${origin} may use it`)
    return problem('cors', 'cors', fault)
  } catch (error) {
    return unknown('cors', (error as Error).message)
  }
}

function faultOf(headers: IncomingHttpHeaders, origin: string, what: string): string | undefined {
  const allowed = headers['access-control-allow-origin']
  if (allowed === origin) return undefined
  return allowed === undefined
    ? `${what} has no Access-Control-Allow-Origin`
    : `${what} has Access-Control-Allow-Origin: ${allowed}`
}

/** Without it a cache gives one page what it was told for another. */
function varyFault({ vary = '' }: IncomingHttpHeaders): string | undefined {
  return /\borigin\b|\*/i.test(vary) ? undefined : 'an answer has no Vary: Origin'
}

function preflightFault(
  status: number,
  headers: IncomingHttpHeaders,
  origin: string,
): string | undefined {
  if (status < 200 || status > 299) return `the preflight is answered with ${status}`
  const allowed = (headers['access-control-allow-headers'] ?? '').toLowerCase()
  const missing = asked.find((name) => !allowed.includes(name))
  return (
    faultOf(headers, origin, 'the preflight') ??
    (missing === undefined ? undefined : `the preflight does not allow the header ${missing}`)
  )
}
