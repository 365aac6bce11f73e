import t from 'tap'
import type { Way } from '../helpers/ways.js'
import { deliveryTests } from './stream-suite/delivery.js'
import { endTests } from './stream-suite/ends.js'
import { gapTests } from './stream-suite/gaps.js'
import { readerTests } from './stream-suite/readers.js'
import { resumeTests } from './stream-suite/resume.js'
import { systemTests } from './stream-suite/system.js'

/** What every stream does, whatever way it was asked for and whatever it is sent over. */
export function streamSuite(way: Way): void {
  t.test(way.name, async (t) => {
    deliveryTests(t, way)
    resumeTests(t, way)
    gapTests(t, way)
    readerTests(t, way)
    endTests(t, way)
    systemTests(t, way)
  })
}
