import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { buildApp, type App, type AppParts } from '../../src/app.js'
import { defaultSettings, type Settings } from '../../src/settings.js'

/** A service that listens on a port of its own, in this process, until the test ends. */
export interface RunningApp extends App {
  /** `http://127.0.0.1:<port>`. */
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
  return { ...app, port, url: `http://127.0.0.1:${port}` }
}

/** Pushes one event or an array of them; rejects unless it was accepted. */
export async function push(url: string, body: unknown): Promise<string[]> {
  const response = await fetch(`${url}/api/push`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const answer = (await response.json()) as { id?: string; ids?: string[] }
  if (response.status !== 202) throw new Error(`push: ${JSON.stringify(answer)}`)
  return answer.ids ?? [answer.id!]
}
