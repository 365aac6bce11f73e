import { readFileSync } from 'node:fs'
import t from 'tap'

const root = new URL('../../', import.meta.url)

interface Client {
  readonly connect: (url: string) => unknown
}

t.test(
  'the client can be imported where there is no browser, and says what it lacks',
  async (t) => {
    // By the package's own name, as whoever installed it does; by a variable, since its types want a DOM.
    const name = 'ringcast/client'
    const { connect } = (await import(name)) as Client
    t.throws(() => connect('https://push.example.com/events'), {
      name: 'TypeError',
      message: /EventSource/,
    })
  },
)

t.test('the feed can be imported there too, and does nothing', async (t) => {
  const name = 'ringcast/feed'
  t.same(Object.keys((await import(name)) as object), [])
})

t.test('the client and the feed have types, which stand beside them', async (t) => {
  const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
    exports: Record<string, { types: string }>
  }
  const typesOf = (name: string): string =>
    readFileSync(new URL(exports[name]!.types, root), 'utf8')
  t.match(
    typesOf('./client'),
    /export declare function connect\(url: string \| URL, options\?: ConnectOptions\)/,
  )
  t.match(typesOf('./feed'), /interface HTMLElementTagNameMap \{\s+'ringcast-feed': RingcastFeed/)
})
