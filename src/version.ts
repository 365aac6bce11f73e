import { readFileSync } from 'node:fs'

let known: string | undefined

/** The version of this package. It is read once: figures are told of it each second. */
export function version(): string {
  known ??= read()
  return known
}

function read(): string {
  const file = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(file) as { version: string }).version
}
