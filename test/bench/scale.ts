/**
 * The part of every number of streams, events and seconds that is really done: 1, or what the
 * variable `BENCH_SCALE` says. A smaller load shows that the bench works, and measures nothing.
 */
const scale = Number(process.env['BENCH_SCALE'] ?? 1)

/** A number of streams, events or seconds, scaled; never less than `least`. */
export function scaled(number: number, least = 10): number {
  return Math.max(Math.round(number * scale), Math.min(least, number))
}
