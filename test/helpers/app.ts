import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { buildApp, type App, type AppParts } from '../../dist/app.js'
import { ask } from './ask.js'
import { testCertificate } from './certificate.js'
import { defaultSettings, type Settings } from '../../dist/settings.js'

/** A service that listens on a port of its own, in this process, until the test ends. */
export interface RunningApp extends App {
  /** `http://127.0.0.1:<port>`, or `https:…`. */
  readonly url: string
  readonly port: number
}

/** Starts a service with the defaults, but for what `settings` says. */
export async function startApp(
  t: Test,
  settings: Partial<Settings> = {},
  parts: AppParts = {},
): Promise<RunningApp> {
  const app = await buildApp({ ...defaultSettings(), drainMs: 500, ...settings }, parts)
  t.teardown(() => app.drain())
  await app.http.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.http.server.address() as AddressInfo
  const scheme = parts.certificate === undefined ? 'http' : 'https'
  return { ...app, port, url: `${scheme}://127.0.0.1:${port}` }
}

/** The same over TLS, with the certificate that the tests trust. */
export function startSecureApp(t: Test, settings: Partial<Settings> = {}): Promise<RunningApp> {
  return startApp(t, settings, { certificate: testCertificate() })
}

/** How many connections a service has. */
export function connectionsOf({ http }: RunningApp): Promise<number> {
  return promisify(http.server.getConnections.bind(http.server))()
}

/** Pushes one event or an array of them; rejects unless it was accepted. */
export async function push(url: string, body: unknown): Promise<string[]> {
  const { status, json } = await ask(`${url}/api/push`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (status !== 202) throw new Error(`push: ${JSON.stringify(json)}`)
  const { id, ids } = json as { id?: string; ids?: string[] }
  return ids ?? [id!]
}
