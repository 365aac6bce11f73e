import t from 'tap'
import { forwardedAddress, networkOf } from '../../dist/limits/client-network.js'

t.test('IPv4 counts by address, however it is written', async (t) => {
  t.equal(networkOf('192.0.2.1'), '192.0.2.1')
  t.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1')
  t.equal(networkOf('::ffff:c000:201'), '192.0.2.1')
  t.not(networkOf('192.0.2.2'), networkOf('192.0.2.1'))
})

t.test('IPv6 counts by its /64', async (t) => {
  const one = networkOf('2001:db8:0:1::1')
  for (const same of ['2001:db8:0:1:ffff:ffff:ffff:ffff', '2001:0DB8::1:0:0:0:2']) {
    t.equal(networkOf(same), one, same)
  }
  for (const other of ['2001:db8:0:2::1', '2001:db8::1', '::1', '192.0.2.1']) {
    t.not(networkOf(other), one, other)
  }
})

t.test('what is no address is counted as what it is', async (t) => {
  t.equal(networkOf(''), '')
  t.equal(networkOf('unknown'), 'unknown')
})

t.test('the address is taken out of what a proxy wrote', async (t) => {
  for (const [text, address] of [
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:5678', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['unknown', undefined],
    ['', undefined],
    ['_hidden', undefined],
    ['1.2.3:80', undefined],
    ['[1', undefined],
  ] as const) {
    t.equal(forwardedAddress(text), address, text)
  }
})
