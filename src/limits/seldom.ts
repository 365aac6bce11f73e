const minute = 60_000

/**
 * Tells of what may happen in floods: the first at once, then one in a minute at most, with how many
 * there were since the last that was told.
 *
 * @param tell gets the latest, and how many it stands for.
 * @param now a clock in milliseconds that does not go back.
 */
export function seldom<T>(
  tell: (latest: T, count: number) => void,
  now: () => number = () => performance.now(),
): (latest: T) => void {
  let nextAt = -Infinity
  let count = 0
  return (latest) => {
    count++
    if (now() < nextAt) return
    nextAt = now() + minute
    tell(latest, count)
    count = 0
  }
}
