/** How wide an object or array may be to stand on one line, in characters. */
const lineWidth = 56
/** How deep objects are shown, which is how deep the service lets them be. */
const mostDeep = 128

/** A text, and whether nothing was left out of it. */
export interface Clipped {
  readonly text: string
  readonly isWhole: boolean
}

/**
 * What a person reads of an event's data: a string as it is, anything else as JSON in which what is
 * short stands on one line.
 *
 * @param most how many characters, about; work stops there, however large the data is.
 */
export function textOf(data: unknown, most: number): Clipped {
  return clip(typeof data === 'string' ? data : jsonOf(data, 0, { left: most }), most)
}

/** The beginning of a text, not within a character, and `…` where there is more of it. */
export function clip(text: string, mostCharacters: number, mostLines = Infinity): Clipped {
  let end = Math.min(text.length, mostCharacters)
  let at = -1
  for (let line = 0; line < mostLines && at < end; line++) {
    at = text.indexOf('\n', at + 1)
    if (at === -1) at = end
  }
  end = Math.min(end, at)
  if (end >= text.length) return { text, isWhole: true }
  return { text: `${text.slice(0, end).replace(/[\uD800-\uDBFF]$/, '')}…`, isWhole: false }
}

function jsonOf(value: unknown, depth: number, budget: { left: number }): string {
  if (typeof value !== 'object' || value === null) return leafOf(value, budget)
  const isArray = Array.isArray(value)
  const [open, close] = isArray ? '[]' : '{}'
  if (depth === mostDeep) return `${open}…${close}`
  const parts: string[] = []
  for (const [key, member] of Object.entries(value)) {
    // One character too many, so that who clips sees that there was more.
    if (budget.left < 0) break
    const name = isArray ? '' : `${leafOf(key, budget)}: `
    parts.push(name + jsonOf(member, depth + 1, budget))
  }
  return joined(parts, open!, close!)
}

function leafOf(value: unknown, budget: { left: number }): string {
  const part = typeof value === 'string' ? value.slice(0, Math.max(0, budget.left) + 1) : value
  const text = JSON.stringify(part)
  budget.left -= text.length
  return text
}

function joined(parts: readonly string[], open: string, close: string): string {
  if (parts.length === 0) return open + close
  const line = parts.join(', ')
  const space = open === '{' ? ' ' : ''
  if (line.length <= lineWidth && !line.includes('\n')) return open + space + line + space + close
  return `${open}\n  ${parts.join(',\n').replaceAll('\n', '\n  ')}\n${close}`
}
