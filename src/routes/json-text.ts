import { isUtf8 } from 'node:buffer'
import { RingcastError, type ErrorDetails } from '../errors.js'

/** How deep JSON may nest. What is deeper would cost more memory than text, and the call stack. */
const maxDepth = 128

/** The text of a body, or of a part of it. */
export function utf8Text(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString()
  throw new RingcastError('RINGCAST_INVALID_JSON', 'what was sent is not UTF-8')
}

/**
 * Reads JSON (RFC 8259).
 *
 * @param details where the text is from, for the error.
 * @throws RingcastError `RINGCAST_INVALID_JSON`.
 */
export function parseJson(text: string, details: ErrorDetails = {}): unknown {
  const { tooDeep, maybeTooLarge } = look(text)
  if (tooDeep) {
    throw new RingcastError(
      'RINGCAST_INVALID_JSON',
      `the JSON nests more than ${maxDepth} levels deep`,
      details,
    )
  }
  const value = parse(text, details)
  if (!maybeTooLarge || isFinite(value)) return value
  throw new RingcastError(
    'RINGCAST_INVALID_JSON',
    'a number is larger than a double can hold: send it as a string',
    details,
  )
}

function parse(text: string, details: ErrorDetails): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new RingcastError(
      'RINGCAST_INVALID_JSON',
      `what was sent is not JSON: ${reason}`,
      details,
    )
  }
}

/** Whether every number is one: what is too large was read as Infinity, and would go out as null. */
function isFinite(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return true
  return Object.values(value).every(isFinite)
}

/** A double ends at 1.8e308: a number without an exponent that is larger has more digits than this. */
const manyDigits = 300

/**
 * Looks at what stands outside strings before anything is built from it: counts brackets, and finds
 * what may be a number above 1.8e308. The batches shape pays for it: strings, which are most of a
 * text, are skipped.
 */
function look(text: string): { tooDeep: boolean; maybeTooLarge: boolean } {
  let depth = 0
  let digits = 0
  let maybeTooLarge = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x30 && code <= 0x39) {
      if (++digits === manyDigits) maybeTooLarge = true
      continue
    }
    switch (code) {
      case 0x22: // "
        i = endOfString(text, i)
        break
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > maxDepth) return { tooDeep: true, maybeTooLarge }
        break
      case 0x5d: // ]
      case 0x7d: // }
        depth--
        break
      case 0x45: // E
      case 0x65: // e, which true and false have too, but not behind a digit
        if (digits > 0 && text[i + 1] !== '-') maybeTooLarge = true
    }
    digits = 0
  }
  return { tooDeep: false, maybeTooLarge }
}

function endOfString(text: string, from: number): number {
  for (
    let quote = text.indexOf('"', from + 1);
    quote !== -1;
    quote = text.indexOf('"', quote + 1)
  ) {
    let backslashes = 0
    while (text.charCodeAt(quote - 1 - backslashes) === 0x5c) backslashes++
    if (backslashes % 2 === 0) return quote
  }
  return text.length
}
