import { pino, type Logger } from 'pino'

/** A logger whose lines are kept. */
export function keptLog(): { lines: Record<string, unknown>[]; logger: Logger } {
  const lines: Record<string, unknown>[] = []
  const write = (line: string): void => {
    lines.push(JSON.parse(line) as Record<string, unknown>)
  }
  return { lines, logger: pino({ level: 'info' }, { write }) }
}

/** What was warned of. */
export const warnings = (lines: readonly Record<string, unknown>[]) =>
  lines.filter(({ level }) => level === 40)
