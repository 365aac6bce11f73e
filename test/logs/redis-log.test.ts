import t from 'tap'
import { RedisLog, type RedisLogOptions } from '../../src/logs/redis-log.js'
import { redisAddress } from '../../src/redis/redis-address.js'
import { startRedis, type RedisServer } from '../helpers/redis-server.js'
import { eventLogSuite } from './event-log-suite.js'

const limits = {
  retainEvents: 1e6,
  retainForMs: 0,
  retainBytes: 1e9,
  ringEvents: 1024,
  ringBytes: 1e8,
}

function open(url: string, more: Partial<RedisLogOptions> = {}): Promise<RedisLog> {
  return RedisLog.open(redisAddress(url)!, { ...limits, ...more })
}

let shared: RedisServer
t.before(async () => {
  shared = await startRedis(t)
})

let prefixes = 0

eventLogSuite('a Redis log', () => open(`${shared.url}?prefix=suite${prefixes++}:`))
