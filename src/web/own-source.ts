import { Connection, type ConnectionParts } from './connection.js'
import type { Cursor } from './cursor.js'
import type { WakeUp } from './wake-ups.js'

/** Where a tab has its records from. */
export interface Source {
  /** Does at once what it waits with, if it may. */
  wakeUp(why: WakeUp): void
  /** Ends it, and tells nobody. */
  close(): void
}

/** A connection of the tab's own. */
export function ownSource(parts: ConnectionParts, cursor: Cursor): Source {
  const { receiver } = parts
  const connection = new Connection(
    {
      ...parts,
      receiver: {
        record: (record) => {
          if (cursor.takes(record)) receiver.record(record)
        },
        state: (state) => receiver.state(state),
      },
    },
    cursor.id,
  )
  connection.open()
  return connection
}
