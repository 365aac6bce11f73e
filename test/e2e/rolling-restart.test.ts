import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { EventSource } from 'eventsource'
import t, { type Test } from 'tap'
import { startNginx } from '../docker/nginx-server.js'
import { startSite } from '../docker/site.js'
import { ask } from '../helpers/ask.js'
import { whyNoNginx } from '../helpers/nginx.js'
import { startServer, stopServer } from '../helpers/server-process.js'
import { until } from '../helpers/until.js'

// "Upgrade and restart without losing an event" of the README, done as it says.

/** Where publishers and subscribers reach a service, and what they say who they are by. */
interface Reached {
  readonly url: string
  readonly keyHeader?: Readonly<Record<string, string>>
}

/** What a client that comes back by itself has received so far. */
interface Follower {
  readonly numbers: number[]
  readonly control: Readonly<Record<string, unknown>>[]
  /** The statuses for which it gave up for good. */
  readonly refusals: number[]
}

interface Publisher {
  /** How many numbers were accepted so far, from 1 on. */
  readonly accepted: number
  /** How often one had to be pushed again. */
  readonly repeats: number
  /** Ends with the number that is on its way. */
  stop(): Promise<void>
}

/** How long a process may take to end or start on a machine that does much else, in milliseconds. */
const restartMs = 60_000
const skip = whyNoNginx()

/** A plain EventSource, which ends for good at any status but 200, as in a browser; once it is open. */
async function follow(t: Test, { url, keyHeader }: Reached): Promise<Follower> {
  const source = new EventSource(`${url}/events?topic=n`, {
    fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...keyHeader } }),
  })
  t.teardown(() => {
    source.close()
  })
  const follower: Follower = { numbers: [], control: [], refusals: [] }
  source.addEventListener('message', ({ data }) => follower.numbers.push(Number(data)))
  source.addEventListener('ringcast', ({ data }) => {
    follower.control.push(JSON.parse(data as string) as Record<string, unknown>)
  })
  source.addEventListener('error', ({ code }) => {
    if (code !== undefined) follower.refusals.push(code)
  })
  await until(() => follower.control.length > 0, 'a stream to open', restartMs)
  return follower
}

/** Pushes 1, 2, 3 and so on, as a careful publisher does: each with a key, and again until it is accepted. */
function publish({ url, keyHeader }: Reached): Publisher {
  const headers = { 'content-type': 'application/json', ...keyHeader }
  let [accepted, repeats, stopped] = [0, 0, false]
  const accept = async (body: string): Promise<boolean> => {
    const push = ask(`${url}/api/push`, { method: 'POST', headers, body })
    const isAccepted = await push.then(
      ({ status }) => status === 202,
      () => false,
    )
    if (!isAccepted) repeats++
    return isAccepted
  }
  const run = async (): Promise<void> => {
    while (!stopped) {
      const n = accepted + 1
      const body = JSON.stringify({ topic: 'n', data: n, key: `n${n}` })
      await until(() => accept(body), `push ${n} to be accepted`, restartMs)
      accepted = n
      // The rate of a steady publisher: nothing waits for this.
      await pause(10)
    }
  }
  const done = run()
  return {
    get accepted() {
      return accepted
    },
    get repeats() {
      return repeats
    },
    async stop() {
      stopped = true
      await done
    },
  }
}

/** Waits until every follower has what is accepted by now, and something later. */
async function allGoOn(followers: readonly Follower[], publisher: Publisher): Promise<void> {
  const now = publisher.accepted
  const goesOn = ({ numbers, refusals }: Follower): boolean =>
    numbers.length > now || refusals.length > 0
  await until(() => followers.every(goesOn), `${now} and more at all followers`, restartMs)
}

/** Ends the publisher, and looks whether every follower has all, each once, in order, without a gap. */
async function checkAll(
  t: Test,
  followers: readonly Follower[],
  publisher: Publisher,
): Promise<void> {
  await publisher.stop()
  const all = Array.from({ length: publisher.accepted }, (_, i) => i + 1)
  const hasAll = ({ numbers }: Follower): boolean => numbers.length >= all.length
  await until(() => followers.every(hasAll), 'all numbers at all followers', restartMs).catch(
    () => undefined,
  )
  for (const { numbers, control, refusals } of followers) {
    t.same(refusals, [], 'nobody gave up')
    t.same(numbers, all)
    t.same(
      control.filter(({ type }) => type === 'gap'),
      [],
    )
  }
  t.comment(`${all.length} accepted, ${publisher.repeats} times pushed again`)
}

/** How often followers were told goodbye since their node shut down. */
const farewells = (followers: readonly Follower[]): number =>
  followers.flatMap(({ control }) =>
    control.filter(({ type, reason }) => type === 'bye' && reason === 'shutdown'),
  ).length

t.test(
  'two nodes are restarted, one after the other: clients get every event, once, in order',
  { skip },
  async (t) => {
    const site = await startSite(t)
    const followers = await Promise.all(Array.from({ length: 6 }, () => follow(t, site)))
    const publisher = publish(site)
    for (const node of [0, 1] as const) {
      await allGoOn(followers, publisher)
      t.same(await site.restart(node), [0, null], 'it drained')
    }
    await allGoOn(followers, publisher)
    await checkAll(t, followers, publisher)
    t.ok(farewells(followers) >= followers.length, 'all went to another node at least once')
  },
)

t.test(
  'a single node on a file log is restarted: clients, publishers and nginx in front get over it',
  { skip },
  async (t) => {
    const flags = ['--store', `file:${join(t.testdir(), 'log')}`, '--drain', '500ms']
    const node = await startServer(t, ...flags)
    const behind = await startNginx(t, [node.port])
    const followers = await Promise.all(
      [node, behind].flatMap((reached) => Array.from({ length: 3 }, () => follow(t, reached))),
    )
    const publisher = publish(behind)
    await allGoOn(followers, publisher)
    t.same(await stopServer(node), [0, null], 'it drained')
    const repeats = publisher.repeats
    await until(() => publisher.repeats > repeats, 'a push without a node', restartMs)
    await startServer(t, ...flags, '--port', `${node.port}`)
    await allGoOn(followers, publisher)
    await checkAll(t, followers, publisher)
    t.equal(farewells(followers), followers.length)
  },
)
