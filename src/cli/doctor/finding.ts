import type { ProblemCode } from './problems.js'

/** What is looked at, in the order in which it is reported. */
export const checkNames = [
  'reachable',
  'certificate',
  'service',
  'credential',
  'content type',
  'cache control',
  'compression',
  'framing',
  'buffering',
  'one log',
  'caching',
  'resume',
  'authorization',
  'origin',
  'host',
  'cors',
  'websocket',
  'address',
  'idle stream',
  'idle websocket',
] as const

/** One of what is looked at. */
export type CheckName = (typeof checkNames)[number]

/** What a check found out. `unknown`: it could not tell, and the text says why. */
export interface Finding {
  readonly check: CheckName
  readonly verdict: 'ok' | 'problem' | 'unknown'
  /** One line; what a stranger wrote into it is made visible when it is shown. */
  readonly text: string
  /** Set for a problem. */
  readonly problem?: ProblemCode
}

/** A finding that all is well. */
export function ok(check: CheckName, text: string): Finding {
  return { check, verdict: 'ok', text }
}

/** A finding that nothing could be found out. */
export function unknown(check: CheckName, text: string): Finding {
  return { check, verdict: 'unknown', text }
}

/** A finding that something is wrong. */
export function problem(check: CheckName, code: ProblemCode, text: string): Finding {
  return { check, verdict: 'problem', text, problem: code }
}
