import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { parse } from 'yaml'

/** The folder of the project, which is what an image is built from. */
export const project = fileURLToPath(new URL('../..', import.meta.url))

/** The text of a file that is shipped in `docker/`. */
export function shipped(name: string): string {
  return readFileSync(join(project, 'docker', name), 'utf8')
}

/** A service of `compose.yaml`, as far as these tests look at it. */
export interface Service {
  readonly image: string
  readonly profiles?: readonly string[]
  readonly build?: { readonly context: string; readonly dockerfile: string }
  readonly user?: string
  readonly entrypoint?: readonly string[]
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly networks?: readonly string[]
  readonly sysctls?: Readonly<Record<string, number>>
  readonly stop_grace_period?: string
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: unknown
}

/** `compose.yaml`. */
export interface Composition {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>
  readonly volumes: Readonly<Record<string, null>>
}

/** `compose.yaml` as it is shipped, its anchors and merges resolved. */
export function composition(): Composition {
  return parse(shipped('compose.yaml'), { merge: true }) as Composition
}

/** A folder of its own for a test. Others may look into it: a server gives up being root. */
export function folderFor(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-docker-'))
  execFileSync('chmod', ['755', folder])
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs what makes the credentials in the composition, with this folder in the place of its volume. */
export function makeCredentials(folder: string): { key: string; secret: string } {
  const { entrypoint, command } = composition().services['credentials']!
  const [program, ...args] = [...entrypoint!, ...command!]
  execFileSync(
    program!,
    args.map((arg) => arg.replaceAll('/etc/ringcast', folder)),
  )
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8').trim()
  return { key: read('api.key'), secret: read('jwt.secret') }
}
