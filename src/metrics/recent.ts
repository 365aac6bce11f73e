import type { Hub } from '../hub/hub.js'
import { LastHour } from './last-hour.js'
import { LoopDelay } from './loop-delay.js'
import { RecentTimes } from './recent-times.js'

/** What was lately: what figures tell that is not counted from the start. */
export class Recent {
  readonly hour: LastHour
  readonly loop = new LoopDelay()
  /** How old events were when they were written to streams. */
  readonly pushToWrite = new RecentTimes()
  #minute: NodeJS.Timeout | undefined

  constructor(hub: Hub) {
    this.hour = new LastHour(hub)
  }

  /** Looks now and then, until `stop`. */
  start(): void {
    this.loop.start()
    this.#minute = this.hour.start()
  }

  stop(): void {
    this.loop.stop()
    clearInterval(this.#minute)
  }
}
