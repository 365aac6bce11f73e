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

t.test('the client has types, which stand beside it', async (t) => {
  const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
    exports: Record<string, { types: string }>
  }
  const types = readFileSync(new URL(exports['./client']!.types, root), 'utf8')
  t.match(types, /export declare function connect\(url: string \| URL, options\?: ConnectOptions\)/)
})
