/**
 * How long to wait before the next attempt, in milliseconds: exponential back-off with full jitter,
 * so that many clients of one outage do not come back as one wave. `attempt` counts from 0.
 */
export function backOff(random: number, attempt: number, firstMs: number, mostMs: number): number {
  return random * Math.min(mostMs, firstMs * 2 ** attempt)
}
