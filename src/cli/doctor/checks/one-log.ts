import type { Examination } from '../examination.js'
import { ok, problem, unknown, type Finding } from '../finding.js'

/** Whether all that answered hangs on one log, once everything else was looked at. */
export function checkOneLog({ logs }: Examination): Finding {
  const { times } = logs
  const answers = times.reduce((sum, count) => sum + count, 0)
  switch (times.length) {
    case 0:
      return unknown('one log', 'no answer says of which log it is')
    case 1:
      return ok('one log', `all ${answers} streams and answers from here are of one log`)
    default:
      return problem('one log', 'nodes', `of ${answers} streams and answers ${list(times)}`)
  }
}

function list(times: readonly number[]): string {
  return times.map((count, n) => `${count} ${n === 0 ? 'are of one log' : 'of another'}`).join(', ')
}
