import type { IncomingHttpHeaders } from 'node:http'
import { ok, problem, unknown, type CheckName, type Finding } from '../finding.js'
import type { ProbeStream, StreamHead } from '../probe-stream.js'

const names: readonly CheckName[] = ['content type', 'cache control', 'compression', 'framing']

/** What the head of a stream says, as it arrives here. */
export function checkHead({ head, ended, refusal }: ProbeStream): Finding[] {
  if (head === undefined) return names.map((name) => unknown(name, ended?.why ?? 'no head came'))
  if (head.status !== 200) {
    const why = `the stream is refused (${refusal ?? head.status})`
    return names.map((name) => unknown(name, why))
  }
  return [
    checkType(head.headers),
    checkCacheControl(head.headers),
    checkEncoding(head.headers),
    checkFraming(head),
  ]
}

function checkType({ 'content-type': type = 'none' }: IncomingHttpHeaders): Finding {
  if (/^text\/event-stream\s*(;|$)/i.test(type)) return ok('content type', type)
  return problem('content type', 'content-type', `it is ${type}, not text/event-stream`)
}

function checkCacheControl({ 'cache-control': control = '' }: IncomingHttpHeaders): Finding {
  const missing = ['no-store', 'no-transform'].filter((word) => !control.includes(word))
  if (missing.length === 0) return ok('cache control', control)
  const text = `${missing.join(' and ')} got lost; it is ${control === '' ? 'empty' : control}`
  return problem('cache control', 'cache-control', text)
}

/** `no-transform` forbids it (RFC 9111 section 5.2.2.6). */
function checkEncoding({
  'content-encoding': encoding = 'identity',
}: IncomingHttpHeaders): Finding {
  if (encoding === 'identity') return ok('compression', 'none, as it should be')
  return problem('compression', 'compression', `the stream comes as ${encoding}`)
}

/** Over HTTP/1.1 chunks tell an end from a crash (RFC 9112 section 8). */
function checkFraming({ headers, httpVersion }: StreamHead): Finding {
  const coding = headers['transfer-encoding'] ?? 'none'
  if (/\bchunked$/i.test(coding)) return ok('framing', `HTTP/${httpVersion}, in chunks`)
  return problem('framing', 'chunked', `HTTP/${httpVersion} without chunks`)
}
