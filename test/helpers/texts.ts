const long = 'x'.repeat(1024)

/**
 * Texts to try a parameter or a field with: at each limit that names and numbers have, and just beyond
 * it. None is empty, since that counts as not given.
 */
export const texts: readonly string[] = [
  ...['0', '1', '99', '1000', '1001', '-1', '1.5', '1e3', ' 1', 'true', 'false', 'on', 'off'],
  ...['orders/42', 'orders/*', '**', 'a/**/b', 'a/**', '*/a', 'a*', '$sys/stats', 'ü'],
  ...['x'.repeat(64), 'x'.repeat(65), 'x'.repeat(256), 'x'.repeat(257), long, `${long}x`],
  ...[
    'a\tb',
    'a\u0085b',
    'ringcast',
    'open',
    'toyc8inxxy-1',
    'toyc8inxxy-01',
    'Toyc-1',
    'earliest',
  ],
  ...['-lag', 'bytes', 'since', '-streams', 'topic', 'name'],
]

/** So many names, no two alike. */
export function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `a${i}`)
}
