import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t from 'tap'
import {
  type Endpoints,
  endpointsOf,
  owedRows,
  tcpTimers,
} from '../../dist/transports/tcp-table.js'

// Captured from Linux 6.18; `tcp` is padded to 150 bytes a row, `tcp6` is not padded.
const captured = {
  tcp: [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0109CB0A:A1B2 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21151 1 00000000e6b3d414 100 0 0 10 0',
    '   1: 0109CB0A:A1B2 0209CB0A:C350 01 0009BE68:00000000 04:00000A98 00000000     0        4 21160 2 000000008d1ec1f3 204 4 30 10 -1',
    '   2: 0109CB0A:A1B2 0209CB0A:C351 01 0000001A:00000000 01:00000039 00000004     0        0 21161 3 00000000a0b1c2d3 26 4 30 1 7',
    '   3: 0109CB0A:A1B2 0209CB0A:C352 01 00000000:00000000 02:00000F00 00000000     0        0 21162 2 00000000a0b1c2d4 20 4 30 10 -1',
  ].map((row) => row.padEnd(149)),
  tcp6: [
    '  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0000000000000000FFFF00000109CB0A:1F90 0000000000000000FFFF00000209CB0A:C353 01 00000010:00000000 01:00000014 00000001  1000        0 21170 2 000000008d1ec1f4 21 4 30 10 -1',
    '   1: B80D0120000000000000000001000000:1F90 B80D0120000000000000000002000000:C354 08 00000200:00000000 04:00000039 00000000 1000000000        2 21171 3 00000000a0b1c2d5 26 4 30 1 7',
    '   2: B80D0120000000000000000001000000:1F90 B80D0120000000000000000002000000:C355 06 00000000:00000000 03:00000F00 00000000     0        0 0 3 00000000a0b1c2d6',
  ],
}

function table(rows: readonly string[]): Buffer {
  return Buffer.from(rows.map((row) => `${row}\n`).join(''))
}

const ends = (local: [string, number], remote: [string, number]): Endpoints => ({
  localAddress: local[0],
  localPort: local[1],
  remoteAddress: remote[0],
  remotePort: remote[1],
})

t.test('of an IPv4 table, the rows that are owed something are read', async (t) => {
  t.strictSame(owedRows(table(captured.tcp)), [
    {
      endpoints: '0109CB0A:A1B2 0209CB0A:C350',
      remotePort: 50_000,
      owed: 638_568,
      timer: tcpTimers.zeroWindowProbe,
      retransmits: 0,
      probes: 4,
    },
    {
      endpoints: '0109CB0A:A1B2 0209CB0A:C351',
      remotePort: 50_001,
      owed: 26,
      timer: tcpTimers.retransmit,
      retransmits: 4,
      probes: 0,
    },
  ])
})

t.test(
  'of an IPv6 table too, with rows of any length and a uid wider than its column',
  async (t) => {
    t.strictSame(owedRows(table(captured.tcp6)), [
      {
        endpoints: '0000000000000000FFFF00000109CB0A:1F90 0000000000000000FFFF00000209CB0A:C353',
        remotePort: 50_003,
        owed: 16,
        timer: tcpTimers.retransmit,
        retransmits: 1,
        probes: 0,
      },
      {
        endpoints: 'B80D0120000000000000000001000000:1F90 B80D0120000000000000000002000000:C354',
        remotePort: 50_004,
        owed: 512,
        timer: tcpTimers.zeroWindowProbe,
        retransmits: 0,
        probes: 2,
      },
    ])
  },
)

t.test('a row number of more than four digits shifts all columns and harms none', async (t) => {
  for (const rows of [captured.tcp, captured.tcp6]) {
    const shifted = rows.map((row) =>
      row
        .replace(/^ {3}\d:/, '1234567:')
        .trimEnd()
        .padEnd(149),
    )
    t.strictSame(owedRows(table(shifted)), owedRows(table(rows)))
  }
})

t.test('a last row without its end is passed over, wherever it is cut', async (t) => {
  const whole = table(captured.tcp.slice(0, 3))
  const lengths = Array.from({ length: whole.length + 1 }, (_, length) => length)
  const enough = lengths.filter((length) => owedRows(whole.subarray(0, length)).length > 0)
  t.strictSame(enough, [whole.length])
})

t.test('a table of nothing, of a head line, or of something else has no rows', async (t) => {
  t.strictSame(owedRows(Buffer.alloc(0)), [])
  t.strictSame(owedRows(table(captured.tcp.slice(0, 1))), [])
  t.strictSame(owedRows(table(captured.tcp6.slice(0, 1))), [])
  t.strictSame(owedRows(Buffer.from('no such table\n'.repeat(50))), [])
})

t.test('the ends of a socket are spelt as the kernel spells them', async (t) => {
  const [ofIpv4] = owedRows(table(captured.tcp))
  t.equal(endpointsOf(ends(['10.203.9.1', 41_394], ['10.203.9.2', 50_000])), ofIpv4?.endpoints)
  const [ofMapped, ofIpv6] = owedRows(table(captured.tcp6))
  t.equal(
    endpointsOf(ends(['::ffff:10.203.9.1', 8080], ['::ffff:10.203.9.2', 50_003])),
    ofMapped?.endpoints,
  )
  t.equal(
    endpointsOf(ends(['2001:db8::1%eth0', 8080], ['2001:db8::2%eth0', 50_004])),
    ofIpv6?.endpoints,
  )
})

t.test('a socket that is not connected has no ends', async (t) => {
  t.equal(endpointsOf({}), undefined)
  t.equal(endpointsOf({ localAddress: '::1', localPort: 1 }), undefined)
})

const noTable = process.platform === 'linux' ? false : 'only Linux has the tables'
t.test('real sockets are found in the tables of this machine', { skip: noTable }, async (t) => {
  for (const [host, client, path] of [
    ['127.0.0.1', '127.0.0.1', '/proc/self/net/tcp'],
    ['::', '127.0.0.1', '/proc/self/net/tcp6'],
    ['::', '::1', '/proc/self/net/tcp6'],
  ] as const) {
    const server = createServer((socket) => floodUntilParked(socket))
    t.teardown(() => server.close())
    await once(server.listen(0, host), 'listening')
    const reader = connect((server.address() as AddressInfo).port, client).pause()
    const [socket] = (await once(server, 'connection')) as [Socket]
    t.teardown(() => [reader, socket].forEach((each) => each.destroy()))

    const found = owedRows(readFileSync(path)).filter(
      (row) => row.endpoints === endpointsOf(socket),
    )
    t.equal(found.length, 1, `${client} at ${host}`)
    t.equal(found[0]?.remotePort, reader.localPort)
  }
})

function floodUntilParked(socket: Socket): void {
  while (socket.write(Buffer.alloc(65_536)));
}
