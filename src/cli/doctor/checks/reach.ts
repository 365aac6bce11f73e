import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls'
import { answerMs, type Examination } from '../examination.js'
import { ok, problem, unknown, type Finding } from '../finding.js'

const dayMs = 86_400_000
/** Who renews in time has at least a third of a certificate's life left, or a month. */
const soonMs = 15 * dayMs

/** Whether somebody is there: the name, the port, and for https the certificate. */
export async function checkReach(examination: Examination): Promise<Finding[]> {
  const url = new URL(examination.service.base)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const secure = url.protocol === 'https:'
  const port = Number(url.port || (secure ? 443 : 80))
  try {
    const startedAt = performance.now()
    // As clients do: of several addresses the first that answers.
    const socket = connect({ host, port, autoSelectFamily: true })
    await connected(socket, 'connect', examination.stop)
    const ms = Math.ceil(performance.now() - startedAt)
    const address = socket.remoteAddress!
    socket.destroy()
    const where = isIP(host) ? `port ${port}` : `${host} is ${address}, port ${port}`
    const plain = secure || isLocal(address) ? '' : '; what goes over it can be read on the way'
    const found = ok('reachable', `${where}, in ${ms} ms${plain}`)
    return secure ? [found, await checkCertificate(host, port, examination.stop)] : [found]
  } catch (error) {
    // Of several addresses, what is wrong with the first.
    const why = error instanceof AggregateError ? (error.errors[0] as Error) : (error as Error)
    return [problem('reachable', 'unreachable', why.message)]
  }
}

async function checkCertificate(host: string, port: number, stop: AbortSignal): Promise<Finding> {
  const socket = connectTls({
    host,
    port,
    ...(isIP(host) === 0 && { servername: host }),
    ALPNProtocols: ['h2', 'http/1.1'],
    // It is looked at here, and nothing is sent.
    rejectUnauthorized: false,
  })
  try {
    await connected(socket, 'secureConnect', stop)
    return judged(socket)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return code === 'ERR_SSL_WRONG_VERSION_NUMBER'
      ? problem('certificate', 'no-tls', 'what answers at this port does not speak TLS')
      : problem('certificate', 'certificate', `TLS fails: ${message}`)
  } finally {
    socket.destroy()
  }
}

function judged(socket: TLSSocket): Finding {
  // Typed as an error, and a text in truth where the chain is at fault.
  const fault = socket.authorizationError as unknown
  const certificate = socket.getPeerCertificate()
  if (!socket.authorized) {
    const why = fault instanceof Error ? fault.message : String(fault)
    return problem('certificate', 'certificate', `${why}${namesOf(certificate)}`)
  }
  const [begins, ends] = [certificate.valid_from, certificate.valid_to].map((time) =>
    Date.parse(time),
  )
  const leftMs = ends! - Date.now()
  const days = Math.floor(leftMs / dayMs)
  const protocol = socket.getProtocol() ?? 'TLS'
  if (Number.isNaN(leftMs)) return unknown('certificate', 'it does not say when it ends')
  if (leftMs < Math.min(soonMs, (ends! - begins!) / 6)) {
    return problem('certificate', 'certificate', `it ends in ${days} days`)
  }
  const http = socket.alpnProtocol === 'h2' ? 'HTTP/2 is offered' : browsersLimit
  return ok('certificate', `${protocol}, good for ${days} days; ${http}`)
}

const browsersLimit = 'HTTP/1.1 only, so a browser opens six streams to it at most'

function namesOf({ subjectaltname }: PeerCertificate): string {
  return subjectaltname === undefined ? '' : ` (it is for ${subjectaltname.slice(0, 200)})`
}

function isLocal(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

async function connected<Kind extends Socket>(
  socket: Kind,
  event: 'connect' | 'secureConnect',
  stop: AbortSignal,
): Promise<Kind> {
  const timeout = AbortSignal.timeout(answerMs)
  try {
    await once(socket, event, { signal: AbortSignal.any([stop, timeout]) })
    return socket
  } catch (error) {
    socket.destroy()
    throw timeout.aborted ? new Error(`no connection within ${answerMs / 1000} s`) : error
  }
}
