// A program: passes TCP on from a free port of one address to another address and port. It stands in
// a network namespace, so that the cable between can be pulled out.
import { connect, createServer, type AddressInfo } from 'node:net'

const [from, to, port] = process.argv.slice(2)

const server = createServer((near) => {
  const far = connect(Number(port), to)
  near.pipe(far)
  far.pipe(near)
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    one.on('error', () => {
      // Told by `close`.
    })
    one.on('close', () => other.destroy())
  }
})
server.listen(0, from, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
})
