import { byEventStream } from '../helpers/ways.js'
import { streamSuite } from './stream-suite.js'

streamSuite(byEventStream)
