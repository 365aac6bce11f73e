import type { Test } from 'tap'
import { startRedis } from '../helpers/redis-server.js'
import {
  startServerIn,
  stopServer,
  type Exit,
  type ServerProcess,
} from '../helpers/server-process.js'
import { bearer } from '../helpers/tokens.js'
import { startNginx, type Nginx } from './nginx-server.js'
import { composition, folderFor, makeCredentials } from './shipped.js'

/** What the composition runs: two nodes on one Redis, and nginx in front of them. */
export interface Site extends Nginx {
  readonly nodes: readonly [ServerProcess, ServerProcess]
  /** Stops a node as a rolling restart does, and starts it again at its place; answers how it ended. */
  restart(node: 0 | 1): Promise<Exit>
  /** The key that was made for it, and the header that says so. */
  readonly key: string
  readonly keyHeader: { readonly authorization: string }
}

/** Starts it all on free ports, the nodes with the settings of the composition, until the test ends. */
export async function startSite(t: Test): Promise<Site> {
  const credentials = folderFor(t)
  const { key } = makeCredentials(credentials)
  const redis = await startRedis(t)
  const { environment } = composition().services['node-1']!
  const env = Object.fromEntries(
    Object.entries(environment!).map(([name, value]) => [
      name,
      value
        .replace('redis://redis:6379', redis.url)
        .replace('/etc/ringcast', credentials)
        .replace('${ORIGINS:-}', ''),
    ]),
  )
  const flags = ['--internal-port', '0', '--heartbeat', '200ms', '--drain', '500ms']
  const nodes = await Promise.all([
    startServerIn(t, env, ...flags),
    startServerIn(t, env, ...flags),
  ])
  const restart = async (index: 0 | 1): Promise<Exit> => {
    const exit = await stopServer(nodes[index])
    nodes[index] = await startServerIn(t, env, ...flags, '--port', `${nodes[index].port}`)
    return exit
  }
  const nginx = await startNginx(t, [nodes[0].port, nodes[1].port])
  return { ...nginx, nodes, restart, key, keyHeader: bearer(key) }
}
