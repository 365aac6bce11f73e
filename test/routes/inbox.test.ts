import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import type { WebSocket } from 'ws'
import { ByteBudget } from '../../dist/limits/byte-budget.js'
import { Inbox } from '../../dist/routes/inbox.js'
import { TurnQueue } from '../../dist/transports/turn-queue.js'

const budgetBytes = 1_000_000

/** An inbox of a connection that takes no answers, and what comes in on it. */
function newInbox(maxPartial: number) {
  const webSocket = Object.assign(new EventEmitter(), {
    isPaused: false,
    pause() {
      webSocket.isPaused = true
    },
    resume() {
      webSocket.isPaused = false
    },
  })
  const socket = new EventEmitter()
  const budget = new ByteBudget(budgetBytes)
  const told = { overflows: 0, answered: 0 }
  const inbox = new Inbox(
    webSocket as unknown as WebSocket,
    socket as unknown as Socket,
    maxPartial,
    {
      turns: new TurnQueue<Inbox>((one) => {
        one.turn()
      }),
      budget,
      full: () => true,
      answer: () => {
        told.answered++
      },
      overflow: () => told.overflows++,
    },
  )
  return { inbox, webSocket, socket, budget, told }
}

t.test('control frames take no room, however many come without a message', async (t) => {
  const { webSocket, socket, budget, told } = newInbox(16 * 1024)
  for (let i = 0; i < 10_000; i++) {
    socket.emit('data', Buffer.alloc(2 * (6 + 100)))
    webSocket.emit('ping', Buffer.alloc(100))
    webSocket.emit('pong', Buffer.alloc(100))
  }
  t.equal(told.overflows, 0)
  t.ok(budget.claim(budgetBytes), 'nothing is claimed')
})

t.test('they hide nothing of a message in the middle of which they come', async (t) => {
  const { webSocket, socket, told } = newInbox(16 * 1024)
  let parts = 0
  for (; told.overflows === 0 && parts < 100; parts++) {
    socket.emit('data', Buffer.alloc(1000 + 106))
    webSocket.emit('ping', Buffer.alloc(100))
  }
  t.equal(parts, 17)
})

t.test('a connection is read no further for empty messages either', async (t) => {
  const { webSocket } = newInbox(16 * 1024)
  let messages = 0
  for (; !webSocket.isPaused && messages < 10_000; messages++) {
    webSocket.emit('message', Buffer.alloc(0), false)
  }
  t.ok(messages < 1000, `${messages} wait`)
})

t.test(
  'a closed one hears nothing, lets the end come, and tells of a client that goes on',
  async (t) => {
    const { inbox, webSocket, socket, budget, told } = newInbox(16 * 1024)
    for (let i = 0; i < 2; i++) webSocket.emit('message', Buffer.alloc(60_000), false)
    t.ok(webSocket.isPaused)
    inbox.close()
    t.notOk(webSocket.isPaused, 'the close frame of the client can be read')
    for (let i = 0; i < 10; i++) {
      socket.emit('data', Buffer.alloc(1000))
      webSocket.emit('message', Buffer.alloc(994), false)
    }
    t.equal(told.overflows, 0)
    for (let i = 0; i < 10; i++) socket.emit('data', Buffer.alloc(1000))
    t.ok(told.overflows > 0)
    t.equal(told.answered, 0)
    t.ok(budget.claim(budgetBytes), 'nothing is claimed')
  },
)
