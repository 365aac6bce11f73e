const integers = new Intl.NumberFormat('en')
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

/** A number of things: `1 stream`, `2,000 streams`, `no streams`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n === 0 ? 'no' : integers.format(n)} ${n === 1 ? one : many}`
}

/** A whole number. */
export function whole(n: number): string {
  return integers.format(n)
}

/** A number in a few characters: `3.4`, `12K`. */
export function short(n: number): string {
  return n < 10 && !Number.isInteger(n) ? n.toFixed(1) : compact.format(n)
}

/** Bytes: `512 B`, `3.4 MB`. */
export function bytes(n: number): string {
  if (n < 1000) return `${n} B`
  const power = Math.min(4, Math.floor(Math.log10(n) / 3))
  const value = n / 1000 ** power
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${'kMGT'[power - 1]!}B`
}

/** Milliseconds: `0.42 ms`, `12 ms`, `3.4 s`. */
export function duration(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`
  return `${ms >= 10 ? Math.round(ms) : ms.toFixed(ms >= 1 ? 1 : 2)} ms`
}

/** How long ago something began: `12 s`, `5 min`, `3 h`, `2 d`. */
export function age(sinceMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - sinceMs) / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

/** A time of day with its milliseconds, where the reader is. */
export function timeOfDay(time: string): string {
  const date = new Date(time)
  const two = (n: number): string => String(n).padStart(2, '0')
  const ms = String(date.getMilliseconds()).padStart(3, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`
}
