import { byHttp2 } from '../helpers/ways.js'
import { streamSuite } from './stream-suite.js'

streamSuite(byHttp2)
