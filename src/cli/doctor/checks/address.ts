import { ask } from '../ask.js'
import { eventMs, type Examination } from '../examination.js'
import { ok, problem, unknown, type Finding } from '../finding.js'
import { ProbeStream } from '../probe-stream.js'

/** An address for documentation (RFC 5737): nobody comes from it. */
const forged = '192.0.2.77'

interface StreamRow {
  readonly id?: unknown
  readonly address?: unknown
}

/**
 * As whom the service counts this client, and whether a client can say so by itself. It takes an
 * administrator's credential to see.
 */
export async function checkAddress(examination: Examination): Promise<Finding> {
  const stream = new ProbeStream(
    examination,
    { topic: examination.topic },
    { 'x-forwarded-for': forged },
  )
  try {
    if (!(await stream.until(() => stream.opening !== undefined, eventMs))) {
      return unknown('address', 'no stream opened to look at')
    }
    const query = new URLSearchParams({ topic: examination.topic, limit: '1000' })
    const { status, json } = await ask(examination, `/api/streams?${query.toString()}`)
    if (status !== 200) return unknown('address', `only an administrator sees it (${status})`)
    const rows = (json?.['streams'] ?? []) as readonly StreamRow[]
    const row = rows.find(({ id }) => id === stream.opening?.stream)
    return row === undefined
      ? unknown('address', 'the stream is not in the list of the service')
      : judged(String(row.address), stream.head?.localAddress)
  } catch (error) {
    return unknown('address', (error as Error).message)
  } finally {
    stream.close()
  }
}

function judged(address: string, own: string | undefined): Finding {
  if (address === forged) {
    return problem('address', 'forged-address', 'the service believes what a client says of itself')
  }
  return address === own
    ? ok('address', `streams from here count as ${address}`)
    : unknown('address', `streams from here count as ${address}: if that is a proxy, TRUST_PROXY`)
}
