// Control characters (C0, DEL, C1), line separators, and the marks that turn the direction of
// writing: what can drive a terminal, or make a line read as another one.
const hidden = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu
const hiddenInText = new RegExp(`(?![\\n\\t])${hidden.source}`, 'gu')

/** Shows each control character as an escape, so that a text stays one line and drives nothing. */
export function visible(text: string): string {
  return text.replace(hidden, escaped)
}

/** The same for a text that may have lines and tabs; CRLF counts as a line end. */
export function visibleText(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(hiddenInText, escaped)
}

function escaped(character: string): string {
  const code = character.charCodeAt(0).toString(16)
  return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`
}
