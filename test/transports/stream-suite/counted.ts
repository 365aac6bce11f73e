import { push, type RunningApp } from '../../helpers/app.js'
import { ask } from '../../helpers/ask.js'
import { until } from '../../helpers/until.js'
import type { Subscription } from '../../helpers/ways.js'

/** So many whole numbers. */
export const count = (from: number, length: number): number[] =>
  Array.from({ length }, (_, i) => from + i)

/** Events whose data are these numbers. */
export const events = (from: number, length: number, rest: object = {}): object[] =>
  count(from, length).map((data) => ({ ...rest, data }))

/** Data of some 60 kB, so that a few hundred of them are more than a connection takes. */
export const padded = (n: number): unknown[] => [n, ' '.repeat(60_000)]

/** Pushes so many padded events, twenty at a time. */
export async function pushPadded(url: string, from: number, length: number): Promise<void> {
  for (let at = from; at < from + length; at += 20) {
    const some = count(at, Math.min(20, from + length - at))
    await push(
      url,
      some.map((n) => ({ data: padded(n) })),
    )
  }
}

/** The data of all that a subscriber got, of padded events the number. */
export const dataOf = ({ events }: Subscription): unknown[] =>
  events.map(({ data }) => (Array.isArray(data) ? (data[0] as unknown) : data))

/** The gaps that a subscriber was told of. */
export const gapsOf = ({ control }: Subscription): unknown[] =>
  control.filter(({ type }) => type === 'gap')

/** The place of an id in its life of the log. */
export const sequenceOf = (id: string): number => Number.parseInt(id.split('-')[1]!, 36)

/** A row of `/api/streams`. */
export type Row = Readonly<Record<string, unknown>> & { readonly id: string }

/** What `/api/streams` lists. */
export async function rowsOf(app: RunningApp, query = ''): Promise<Row[]> {
  return (await ask(`${app.url}/api/streams?${query}`)).json!['streams'] as Row[]
}

/** Resolves once the connection of a stream takes no more. */
export function parked(app: RunningApp): Promise<void> {
  return until(async () => {
    return (await rowsOf(app)).some(({ state }) => state === 'parked')
  }, 'a full connection')
}
