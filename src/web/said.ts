import type { State, StreamRecord } from './records.js'
import type { WakeUp } from './wake-ups.js'

/** What tabs say to each other; `term` names one tab's time with the connection. */
export type Said =
  | Hello
  | Welcome
  /** Who leads has changed: all others are to say hello. */
  | { readonly say: 'lead' }
  /** Is who leads there still? And if this tab has woken up: they are to, too. */
  | { readonly say: 'ask'; readonly why: WakeUp | undefined }
  | { readonly say: 'alive'; readonly term: string }
  /** The connection goes back to a place that it has passed. */
  | {
      readonly say: 'back'
      readonly term: string
      readonly to: string
      readonly lives: readonly string[]
    }
  | { readonly say: 'record'; readonly term: string; readonly record: StreamRecord }
  | { readonly say: 'state'; readonly term: string; readonly state: State }

/** A tab asks who leads to go on from its place. */
export interface Hello {
  readonly say: 'hello'
  readonly tab: string
  readonly at: string | undefined
  /** The lives of the log that it knows. */
  readonly lives: readonly string[]
}

/** Who leads lets a tab join. */
export interface Welcome {
  readonly say: 'welcome'
  readonly tab: string
  readonly term: string
  /** The newest records, the place before them, and the place that the connection is at. */
  readonly kept: readonly StreamRecord[]
  readonly before: string | undefined
  readonly at: string | undefined
  readonly lives: readonly string[]
  readonly state: State
  readonly heartbeatMs: number
}
