import { PassThrough } from 'node:stream'
import { pino } from 'pino'
import t from 'tap'
import { redact } from '../dist/process-log.js'

t.test('what an error of a package carries along of secrets is in no line', async (t) => {
  const output = new PassThrough()
  const logger = pino({ redact }, output)
  const options = { host: 'example.com', password: 'hidden' }
  const error = Object.assign(new Error('it failed'), { token: 'hidden', options })
  logger.error(error, 'one')
  logger.error({ err: error, authorization: 'hidden' }, 'two')
  logger.child({ worker: 1 }).error({ err: error }, 'three')
  const text = String(output.read())
  t.equal(text.trim().split('\n').length, 3)
  t.match(text, /it failed[^]*example\.com[^]*"\[redacted\]"/)
  t.notMatch(text, 'hidden')
  t.equal(error.token, 'hidden', 'the error itself is as it was')
})
