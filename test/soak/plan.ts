import type { Random } from './random.js'

/** A kind of fault, and in what lane: the faults of a lane come one after the other. */
export interface FaultKind<Name extends string = string> {
  readonly name: Name
  readonly lane: 'processes' | 'streams' | 'network'
  /** Only before the rest, so that a process lives from there to the end. */
  readonly early?: boolean
  /** How much more often than others it is drawn; 1 by default. */
  readonly weight?: number
}

/** A fault, and when it is due: in milliseconds from the beginning. */
export interface Planned {
  readonly atMs: number
  readonly fault: string
  readonly lane: FaultKind['lane']
}

/** The faults of a run, in order, before and after the rest at which memory is measured first. */
export interface Plan {
  readonly before: readonly Planned[]
  readonly after: readonly Planned[]
}

/** The share of a run after which everything rests for a moment, and memory is measured. */
export const restAt = 0.2
/** A run that is shorter, in milliseconds, is brief. */
export const briefMs = 60_000
/** In each lane a fault comes about so often, in milliseconds; in a short run as often as it takes. */
const everyMs = { processes: 11_000, streams: 13_000, network: 45_000 }

/**
 * Draws a plan: the same for the same random numbers. Each kind comes at least once before the rest, so
 * that what is made on first need is made by then, and once after it; in a brief run, which has no rest,
 * once in all.
 */
export function draw(kinds: readonly FaultKind[], totalMs: number, random: Random): Plan {
  if (totalMs < briefMs) return { before: [], after: drawLanes(kinds, [0, totalMs], random) }
  const restMs = totalMs * restAt
  return {
    before: drawLanes(kinds, [0, restMs], random),
    after: drawLanes(
      kinds.filter(({ early = false }) => !early),
      [restMs, totalMs],
      random,
    ),
  }
}

function drawLanes(
  kinds: readonly FaultKind[],
  span: readonly [fromMs: number, toMs: number],
  random: Random,
): Planned[] {
  const lanes = [...new Set(kinds.map(({ lane }) => lane))]
  return lanes.flatMap((lane) =>
    drawLane(
      kinds.filter((kind) => kind.lane === lane),
      span,
      random,
    ),
  )
}

function drawLane(
  kinds: readonly FaultKind[],
  [fromMs, toMs]: readonly [number, number],
  random: Random,
): Planned[] {
  const { lane } = kinds[0]!
  const count = Math.max(kinds.length, Math.round((toMs - fromMs) / everyMs[lane]))
  const weighted = kinds.flatMap((kind) => Array<FaultKind>(kind.weight ?? 1).fill(kind))
  const more = Array.from({ length: count - kinds.length }, () => random.of(weighted))
  const stepMs = (toMs - fromMs) / count
  return random.shuffled([...kinds, ...more]).map(({ name }, index) => ({
    atMs: fromMs + stepMs * (index + random.between(0.1, 0.9)),
    fault: name,
    lane,
  }))
}
