import t from 'tap'
import { keyCaller } from '../../dist/auth/caller.js'
import { Tickets, ticketSeconds } from '../../dist/auth/tickets.js'

const holder = keyCaller(1)

t.test('a ticket is good once', async (t) => {
  const tickets = new Tickets(() => 0)
  const ticket = await tickets.issue(holder)
  t.match(ticket, /^[\w-]{32}$/)
  t.equal(tickets.take(ticket), holder)
  t.equal(tickets.take(ticket), undefined)
  t.equal(tickets.take('made up'), undefined)
})

t.test('a ticket is good for half a minute', async (t) => {
  let now = 0
  const tickets = new Tickets(() => now)
  const [first, second] = [await tickets.issue(holder), await tickets.issue(holder)]
  now = ticketSeconds * 1000 - 1
  t.equal(tickets.take(first), holder)
  now++
  t.equal(tickets.take(second), undefined)
})

t.test('no two tickets are alike, and only so many wait', async (t) => {
  let now = 0
  const tickets = new Tickets(() => now)
  const issueAll = () => Promise.all(Array.from({ length: 100_000 }, () => tickets.issue(holder)))
  const all = new Set(await issueAll())
  t.equal(all.size, 100_000)
  await t.rejects(tickets.issue(holder), {
    code: 'RINGCAST_TOO_MANY_TICKETS',
    details: { retryAfterSeconds: 30 },
  })
  now = 30_000
  await issueAll()
  await t.rejects(tickets.issue(holder), 'what was out of date is forgotten, all of it')
})

t.test('no user can take the tickets of others', async (t) => {
  let now = 0
  const tickets = new Tickets(() => now)
  const [ada, bob] = ['ada', 'bob'].map((user) => ({ ...holder, kind: 'token' as const, user }))
  const issued = await Promise.all(Array.from({ length: 1000 }, () => tickets.issue(ada!)))
  await t.rejects(tickets.issue(ada!), { code: 'RINGCAST_TOO_MANY_TICKETS' })
  t.match(await tickets.issue(bob!), /^[\w-]{32}$/)
  t.equal(tickets.take(issued[0]!), ada)
  await tickets.issue(ada!)
  await t.rejects(tickets.issue(ada!), 'one that was used made room for one')
  now = 30_000
  await tickets.issue(ada!)
})
