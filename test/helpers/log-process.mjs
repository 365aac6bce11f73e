// A process that shares a log, and does what it is told: node log-process.mjs DIRECTORY OPTIONS
import { setImmediate as turnEnd } from 'node:timers/promises'
import { FileLog } from '../../dist/logs/file-log.js'

const [directory, options] = process.argv.slice(2)
const told = []
const revoked = []
let onTold = () => {}
let isFull = false
const restarts = []
const peers = {
  tell: () => process.send({ moved: true }),
  onTold: (listener) => (onTold = listener),
}
const log = await FileLog.open(directory, {
  retainEvents: 1e9,
  retainForMs: 0,
  retainBytes: 1e12,
  ...JSON.parse(options),
  peers,
})
// A read goes on to the end of a block: what comes behind the head, since others write, is told later.
for (let from = log.retained.first; from <= log.head; from = told.at(-1).sequence + 1) {
  for (const event of await log.retained.read(from)) {
    if (event.sequence >= from && event.sequence <= log.head) told.push(event)
  }
}
log.follow((events) => told.push(...events), {
  fits: (events) => (isFull ? 0 : events.length),
  restart: ({ common }) => restarts.push(common),
})
log.revocations.onChange((changes) => revoked.push(...changes))

const draft = (name, n, keyed) => ({
  topics: ['a', `of/${name}`],
  users: [],
  event: undefined,
  json: false,
  key: keyed ? `${name}${n}` : undefined,
  data: `${name}${n}`,
})

/** What each command does; its answer goes back to who gave it. */
const commands = {
  append: (batch) => log.append(batch),
  /** Pushes so many events, a few batches at a time, one in three with a key. */
  load: async ({ name, events, batch, inFlight }) => {
    let next = 0
    const receipts = []
    const push = async () => {
      while (next < events) {
        const from = next
        next += batch
        receipts.push(
          ...(await log.append(
            Array.from({ length: batch }, (_, i) => draft(name, from + i, i % 3 === 0)),
          )),
        )
      }
    }
    await Promise.all(Array.from({ length: inFlight }, push))
    return receipts.map(({ sequence }) => sequence)
  },
  /** Pushes for ever, and tells each acknowledged. */
  flood: (name) => {
    for (let lane = 0; lane < 8; lane++) {
      void (async () => {
        for (let n = 0; ; n++) {
          const [receipt] = await log.append([draft(`${name}.${lane}.`, n, true)])
          process.send({ pushed: [receipt.sequence, `${name}.${lane}.${n}`] })
        }
      })()
    }
  },
  told: () => told.map(({ sequence, epoch, data }) => `${sequence} ${epoch} ${data}`),
  head: () => log.head,
  retained: async () => {
    const events = []
    const { first } = log.retained
    for (let from = first; from <= log.head; from = events.at(-1).sequence + 1) {
      for (const event of await log.retained.read(from)) {
        if (event.sequence >= from) events.push(event)
      }
      await turnEnd()
    }
    const { horizon } = log.retained
    return {
      first,
      sequences: events.map(({ sequence }) => sequence),
      gone: horizon.ofTopic('a'),
      lives: log.lives,
    }
  },
  full: (value) => {
    isFull = value
  },
  restarts: () => restarts,
  reach: async (sequence) => {
    const { epoch } = log.lives.at(-1)
    await log.shared.reach({ epoch, sequence })
    return log.head
  },
  keep: (changes) => log.revocations.keep(new Map(changes)),
  revoked: () => revoked,
  problem: () => log.problem ?? null,
  close: () => log.close(),
}

process.on('message', async ({ moved, id, name, value }) => {
  if (moved) {
    onTold()
    return
  }
  try {
    process.send({ id, answer: await commands[name](value) })
  } catch (error) {
    process.send({ id, error: error.code ?? String(error) })
  }
})
process.on('disconnect', () => process.exit())
process.send({ ready: true })
