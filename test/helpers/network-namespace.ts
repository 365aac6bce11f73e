import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import type { Lifetime } from './lifetime.js'

/** A network of two: this process's side, and a namespace for clients, joined by a virtual cable. */
export interface NetworkNamespace {
  /** The address of this process's side, for a server to listen on. */
  readonly hostAddress: string
  /** The address that clients in the namespace come from. */
  readonly namespaceAddress: string
  /** Starts a process in the namespace; it is killed when the test ends. Its stderr is the test's. */
  exec(command: string, args: readonly string[]): ChildProcess
  /**
   * From now on what either side sends vanishes, as with a cable pulled out far away: no FIN, no
   * RST, no ICMP, no error of the own interface.
   */
  cut(): void
  /** Undoes {@link cut}: retransmissions get through again. */
  restore(): void
}

const hostMac = '02:00:00:00:00:01'
const namespaceMac = '02:00:00:00:00:02'
const nobodysMac = '02:00:00:00:00:ff'

let created = 0

/**
 * Makes a namespace, which the end of the test removes. Needs root and iproute2: see
 * {@link whyNoNamespaces}.
 */
export function createNamespace(t: Lifetime): NetworkNamespace {
  const name = `ringcast-${process.pid}-${++created}`
  const hostInterface = `rc${process.pid}n${created}`
  const [hostAddress, namespaceAddress] = freeAddresses()
  const children: ChildProcess[] = []
  t.teardown(async () => {
    await Promise.all(children.map(kill))
    // Without its name a namespace lives on, cable and all, until its last socket has timed out.
    ip(`link del ${hostInterface}`)
    ip(`netns del ${name}`)
  })
  // Neighbours are permanent, on both sides, so that a cut link makes no ARP fail: that would be
  // told to the sockets as EHOSTUNREACH.
  const neighbours = (ofHost: string, ofNamespace: string) => {
    ip(`neigh replace ${namespaceAddress} lladdr ${ofHost} dev ${hostInterface} nud permanent`)
    ip(`-n ${name} neigh replace ${hostAddress} lladdr ${ofNamespace} dev eth0 nud permanent`)
  }

  ip(`netns add ${name}`)
  ip(
    `link add ${hostInterface} address ${hostMac} type veth ` +
      `peer name eth0 address ${namespaceMac} netns ${name}`,
  )
  ip(`addr add ${hostAddress}/30 dev ${hostInterface}`)
  ip(`link set ${hostInterface} up`)
  ip(`-n ${name} addr add ${namespaceAddress}/30 dev eth0`)
  ip(`-n ${name} link set eth0 up`)
  neighbours(namespaceMac, hostMac)

  return {
    hostAddress,
    namespaceAddress,
    exec(command, args) {
      const child = spawn('ip', ['netns', 'exec', name, command, ...args], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      children.push(child)
      return child
    },
    cut: () => neighbours(nobodysMac, nobodysMac),
    restore: () => neighbours(namespaceMac, hostMac),
  }
}

/** False where namespaces can be made, otherwise the reason: made for tap's `skip`. */
export function whyNoNamespaces(): string | false {
  const name = `ringcast-${process.pid}-probe`
  try {
    ip(`netns add ${name}`)
    ip(`netns del ${name}`)
    return false
  } catch (error) {
    return `network namespaces can't be made here: ${String(error).split('\n')[0]}`
  }
}

function ip(command: string): void {
  execFileSync('ip', command.split(' '), { stdio: ['ignore', 'ignore', 'pipe'] })
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** The two addresses of a /30 of 10.203/16: where to start follows from the process id. */
function freeAddresses(): [host: string, namespace: string] {
  const taken = new Set(
    Object.values(networkInterfaces()).flatMap((addresses) => addresses?.map((a) => a.address)),
  )
  for (let network = process.pid * 64; ; network++) {
    const address = (host: number) => `10.203.${(network >> 6) & 255}.${(network & 63) * 4 + host}`
    if (!taken.has(address(1))) return [address(1), address(2)]
  }
}
