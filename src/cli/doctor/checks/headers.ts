import { ask, refusedPath, type Answer, type Question } from '../ask.js'
import type { Examination } from '../examination.js'
import { ok, problem, unknown, type CheckName, type Finding } from '../finding.js'

/** An origin that no page has (RFC 6761 section 6.4), and that says in the log who asks. */
export const strangeOrigin = 'https://ringcast-doctor.invalid'

const refused = 'RINGCAST_ORIGIN_REFUSED'

/** A credential that is none. */
const noCredential = 'Bearer ringcast-doctor'

/** Whether `Authorization` arrives: the service refuses a bad one otherwise than none. */
export function checkAuthorization(examination: Examination): Promise<Finding> {
  const { headers } = examination.service
  const authorization = headers['authorization'] ?? noCredential
  const question = { method: 'POST', headers: { authorization } }
  return withAnswer(examination, 'authorization', '/api/tickets', question, ({ status, code }) => {
    if (code === 'RINGCAST_UNAUTHENTICATED') {
      return problem('authorization', 'authorization', 'the header is sent, and does not arrive')
    }
    if (code === 'RINGCAST_INVALID_CREDENTIAL') return ok('authorization', 'the header arrives')
    if (status !== 200) return unknown('authorization', `a ticket is answered with ${status}`)
    return authorization === noCredential
      ? unknown('authorization', 'the service is open: it does not look at credentials')
      : ok('authorization', 'the credential is taken')
  })
}

/** Whether `Origin` arrives: the service refuses one that it does not know, or allows any. */
export function checkOriginHeader(examination: Examination): Promise<Finding> {
  const question = { headers: { origin: strangeOrigin } }
  return withAnswer(examination, 'origin', refusedPath(), question, ({ code, headers }) => {
    if (code === refused) return ok('origin', 'the header arrives: a strange page is refused')
    return headers['access-control-allow-origin'] === strangeOrigin
      ? ok('origin', 'the header arrives, and any page is allowed (ORIGINS=*)')
      : problem('origin', 'origin-header', 'the header is sent, and does not arrive')
  })
}

/** Whether the service refuses a page that it does not know; if not, there is nothing to compare. */
export function refusesStrangers(examination: Examination): Promise<boolean> {
  const question = { headers: { origin: strangeOrigin } }
  return ask(examination, refusedPath(), question).then(
    ({ code }) => code === refused,
    () => false,
  )
}

/** Whether `Host` arrives as it was sent: pages of the service’s own origin are known by it. */
export function checkHost(examination: Examination): Promise<Finding> {
  const { origin } = new URL(examination.service.base)
  const question = { headers: { origin } }
  return withAnswer(examination, 'host', refusedPath(), question, ({ code }) =>
    code === refused
      ? problem('host', 'host', `a page of ${origin} is refused as a stranger’s`)
      : ok('host', `pages of ${origin} are let in`),
  )
}

/** Asks, and says why nothing can be told where it is not the service that answers. */
export async function withAnswer(
  examination: Examination,
  check: CheckName,
  where: string,
  question: Question,
  judge: (answer: Answer) => Finding,
): Promise<Finding> {
  try {
    return judge(await ask(examination, where, question))
  } catch (error) {
    return unknown(check, (error as Error).message)
  }
}
