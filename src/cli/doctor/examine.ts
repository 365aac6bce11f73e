import type { IncomingHttpHeaders } from 'node:http'
import { checkAddress } from './checks/address.js'
import { checkCors } from './checks/cors.js'
import { checkDelivery } from './checks/delivery.js'
import { checkHead } from './checks/head.js'
import { checkAuthorization, checkHost, checkOriginHeader } from './checks/headers.js'
import { checkIdleStream, checkIdleWebSocket } from './checks/idle.js'
import { checkOneLog } from './checks/one-log.js'
import { checkReach } from './checks/reach.js'
import { checkResume, history } from './checks/resume.js'
import { identify } from './checks/service.js'
import { checkWebSocket } from './checks/websocket.js'
import { answerMs, type Examination } from './examination.js'
import { checkNames, type Finding } from './finding.js'
import { ProbeStream } from './probe-stream.js'
import { ProbeWebSocket } from './probe-websocket.js'
import { recognise, type ProxyName } from './proxies.js'

/** What was found, in the order of `checkNames`. */
export interface Examined {
  readonly findings: readonly Finding[]
  /** The proxies that showed themselves. */
  readonly proxies: ReadonlySet<ProxyName>
}

/**
 * Looks at everything. What is quiet is held while the rest is looked at, so it takes as long as two
 * heartbeats, or what was asked for.
 */
export async function examine(examination: Examination): Promise<Examined> {
  const reach = await checkReach(examination)
  // A credential is not sent to a server whose certificate is wrong.
  if (reach.some(({ verdict }) => verdict === 'problem')) return inOrder(reach, [])
  const identity = await identify(examination)
  const first = [...reach, ...identity.findings]
  if (!identity.goOn) return inOrder(first, [identity.headers])
  return lookFurther(examination, first, identity.headers, identity.headMs)
}

async function lookFurther(
  examination: Examination,
  first: readonly Finding[],
  headers: IncomingHttpHeaders,
  wayMs: number,
): Promise<Examined> {
  const { topic, origin } = examination
  const before = await history(examination)
  const live = new ProbeStream(examination, { topic })
  const quiet = new ProbeStream(examination, { topic: `${topic}/quiet` })
  const socket = new ProbeWebSocket(
    { ...examination, topic: `${topic}/quiet` },
    origin === undefined ? {} : { origin },
  )
  try {
    const [delivery, websocket, ...rest] = await Promise.all([
      checkDelivery(examination, live, wayMs).then(async (delivery) => [
        ...checkHead(live),
        delivery,
        ...(await checkResume(examination, live, before)),
      ]),
      checkWebSocket(examination, socket),
      checkAuthorization(examination),
      checkOriginHeader(examination),
      checkHost(examination),
      checkCors(examination),
      checkAddress(examination),
      quietFor(examination, quiet),
      socket.handshake.then(async () => {
        await socket.until(() => socket.heartbeatMs !== undefined, answerMs / 2)
        return checkIdleWebSocket(examination, socket)
      }),
    ])
    const findings = [...first, ...delivery, ...websocket, ...rest, checkOneLog(examination)]
    return inOrder(findings, [headers, live.head?.headers ?? {}])
  } finally {
    for (const each of [live, quiet, socket]) each.close()
  }
}

async function quietFor(examination: Examination, quiet: ProbeStream): Promise<Finding> {
  await quiet.until(() => quiet.opening !== undefined, answerMs / 2)
  return checkIdleStream(examination, quiet)
}

function inOrder(findings: readonly Finding[], answers: readonly IncomingHttpHeaders[]): Examined {
  const place = ({ check }: Finding): number => checkNames.indexOf(check)
  return {
    findings: findings.toSorted((one, other) => place(one) - place(other)),
    proxies: recognise(answers),
  }
}
