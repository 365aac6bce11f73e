import { eventMs, type Examination } from '../examination.js'
import { ok, problem, type Finding } from '../finding.js'
import { ProbeWebSocket, type Handshake } from '../probe-websocket.js'
import { refusesStrangers, strangeOrigin } from './headers.js'

/** Whether a WebSocket can be opened and answers, and whether its handshake keeps its `Origin`. */
export async function checkWebSocket(
  examination: Examination,
  socket: ProbeWebSocket,
): Promise<Finding[]> {
  const handshake = await socket.handshake
  if (!handshake.accepted) return [refused(handshake, examination)]
  socket.ping()
  if (!(await socket.until(() => socket.pongs > 0, eventMs))) {
    return [problem('websocket', 'websocket', 'a ping is not answered')]
  }
  return [ok('websocket', 'it opens, and a ping is answered'), ...(await checkOrigin(examination))]
}

function refused(handshake: Exclude<Handshake, { accepted: true }>, { origin }: Examination) {
  if (handshake.status === undefined) {
    return problem('websocket', 'websocket', `the handshake fails: ${handshake.why}`)
  }
  const { status, code } = handshake
  if (code === 'RINGCAST_ORIGIN_REFUSED' && origin !== undefined) {
    return problem('websocket', 'origins', `the service does not know ${origin}`)
  }
  return code === 'RINGCAST_UPGRADE_REQUIRED'
    ? problem('websocket', 'websocket', 'the handshake arrives as a plain request (426)')
    : problem('websocket', 'websocket', `the handshake is answered with ${code ?? status}`)
}

/** Only a fault is told: that all is well, the check of plain requests says. */
async function checkOrigin(examination: Examination): Promise<Finding[]> {
  if (!(await refusesStrangers(examination))) return []
  const socket = new ProbeWebSocket(examination, { origin: strangeOrigin })
  const { accepted } = await socket.handshake
  socket.close()
  return accepted
    ? [problem('websocket', 'origin-header', 'Origin does not arrive with a handshake')]
    : []
}
