/**
 * A pure function of a text that remembers its last answer: nearly all clients send the same `Host`
 * and `Accept`, and the storm and targeted shapes pay for reading them again each time.
 */
export function rememberLast<T>(read: (text: string) => T): (text: string) => T {
  let last: { readonly text: string; readonly answer: T } | undefined
  return (text) => {
    if (last?.text !== text) last = { text, answer: read(text) }
    return last.answer
  }
}
