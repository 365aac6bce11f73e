import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import t from 'tap'
import { Curls, quoted } from '../../../src/web/dashboard/curl.js'

t.test('a shell reads back what was quoted, whatever it is', async (t) => {
  const word = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'))
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 30 }), (words) => {
      const command = `printf '%s\\0' ${words.map((each) => quoted(each)).join(' ')}`
      const read = execFileSync('sh', ['-c', command], { encoding: 'utf8' })
      t.same(read.split('\0').slice(0, -1), words)
    }),
    { numRuns: 20 },
  )
})

t.test('a token is named, never shown', async (t) => {
  const push = { topic: 'a', data: "it's" }
  t.equal(
    new Curls('https://push.example.com/x/', true).push(push),
    'curl -H "Authorization: Bearer $RINGCAST_TOKEN" --json \'{"topic":"a","data":"it\'\\\'\'s"}\' https://push.example.com/x/api/push',
  )
  t.equal(
    new Curls('http://localhost:1/', false).listen(['a/**', 'ü']),
    "curl -N 'http://localhost:1/events?topic=a%2F**&topic=%C3%BC'",
  )
})
