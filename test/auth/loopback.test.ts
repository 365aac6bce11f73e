import t from 'tap'
import { isLoopbackAddress, isLoopbackHost } from '../../dist/auth/loopback.js'

t.test('loopback is 127.0.0.0/8 and ::1, however written', async (t) => {
  for (const address of [
    '127.0.0.1',
    '127.255.255.254',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
  ]) {
    t.equal(isLoopbackAddress(address), true, address)
  }
  for (const address of [
    '126.255.255.255',
    '128.0.0.0',
    '0.0.0.0',
    '::',
    '::2',
    '::ffff:10.0.0.1',
  ]) {
    t.equal(isLoopbackAddress(address), false, address)
  }
})

t.test('what is no numeric address is no loopback address', async (t) => {
  for (const text of [
    '',
    'localhost',
    '127.1',
    '2130706433',
    '0x7f.0.0.1',
    '127.0.0.1 ',
    '127.0.0.1.',
  ]) {
    t.equal(isLoopbackAddress(text), false, text)
  }
})

t.test('a host names this machine by address, as localhost, or below it', async (t) => {
  for (const host of [
    'localhost',
    'localhost:8080',
    'localhost:',
    'LocalHost:80',
    'a.localhost',
    'a.b.localhost:1',
    '127.0.0.1:65535',
    '[::1]',
    '[::1]:8080',
  ]) {
    t.equal(isLoopbackHost(host), true, host)
  }
  for (const host of [
    '',
    ':8080',
    'localhost.example',
    'localhost.example:8080',
    'alocalhost',
    'example.com',
    'example.com:127',
    '127.0.0.1.example',
    '127.0.0.1:80:80',
    '[::1].example',
    '[::1]x',
    '[127.0.0.1',
    'localhost@example.com',
    'localhost/..',
  ]) {
    t.equal(isLoopbackHost(host), false, host)
  }
})
