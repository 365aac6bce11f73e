import { openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { freePort } from '../bench/free-port.js'
import { runNginx } from '../helpers/nginx.js'
import { composition, folderFor, shipped } from './shipped.js'

/** A real nginx that runs the shipped configuration. */
export interface Nginx {
  readonly port: number
  /** `http://127.0.0.1:<port>`. */
  readonly url: string
  /** Its access log so far. */
  accessLog(): string
}

/**
 * The shipped configuration, in which three lines are replaced and nothing else: where it listens,
 * and where the nodes are. (Without a name there is nothing to resolve, and Debian's nginx could not.)
 */
function configuration(port: number, [first, second]: readonly [number, number?]): string {
  const lines = [
    ['    listen 8080 ', `    listen 127.0.0.1:${port} `],
    ['server node-1:8080 resolve ', `server 127.0.0.1:${first} `],
    second === undefined
      ? ['server node-2:8080 resolve ', '# None: ']
      : ['server node-2:8080 resolve ', `server 127.0.0.1:${second} `],
  ] as const
  return lines.reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) throw new Error(`nginx.conf has to say once: ${from}`)
    return text.replace(from, to)
  }, shipped('nginx.conf'))
}

/** Starts nginx in front of these ports, or of one, as the composition does, until the test ends. */
export async function startNginx(t: Test, nodes: readonly [number, number?]): Promise<Nginx> {
  const folder = folderFor(t)
  const port = await freePort()
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, configuration(port, nodes))
  const args = composition()
    .services['nginx']!.command!.slice(1)
    .map((arg) => arg.replace(/^\/tmp$/, folder).replace('/etc/ringcast/nginx.conf', file))
  const accessLog = join(folder, 'access.log')
  // Node's pipes are sockets, which cannot be opened by the name /dev/stdout.
  const url = await runNginx(t, port, args, openSync(accessLog, 'a'))
  return {
    port,
    url,
    accessLog: () => readFileSync(accessLog, 'utf8'),
  }
}
