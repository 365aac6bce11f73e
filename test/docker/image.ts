import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { lastOf, readDockerfile, words, type Instruction, type Stage } from './dockerfile.js'
import { folderFor, project, shipped } from './shipped.js'

/** Where the programs of a stage are looked for: what stands in, the Node of this process, the rest. */
const path = `/stand-in:${dirname(process.execPath)}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`

/** What came of the shipped Dockerfile, made without Docker: see {@link makeImage}. */
export interface Image {
  /** The last stage. */
  readonly stage: Stage
  /**
   * Runs a command in it, by default that of the image, as Docker does: as its user, in its folder, with
   * its environment and what is given, its root read only.
   */
  run(env?: Readonly<Record<string, string>>, command?: readonly string[]): ChildProcess
}

/** Why no image can be made here, or false if one can. */
export function whyNoImage(): string | false {
  const tries = 'mount -t tmpfs none /mnt && mkdir /mnt/u /mnt/w /mnt/m && mount -t overlay o -o'
  const overlay = `${tries} lowerdir=/etc,upperdir=/mnt/u,workdir=/mnt/w /mnt/m`
  try {
    execFileSync('unshare', ['--mount', 'sh', '-c', overlay], { stdio: 'ignore' })
    return false
  } catch {
    return 'root and overlay file systems are needed to make an image without Docker'
  }
}

/**
 * Carries out every step of the Dockerfile in order, in a mount namespace that ends with the test. A
 * stage's base is not Node's image but this machine, under a layer of its own that takes what the steps
 * write: whatever they need has to be in the Dockerfile all the same, since the stage's folder is empty.
 *
 * `npm ci` alone is stood in for, which takes a registry and a minute: by the packages that are
 * installed here, and where it says `--omit=dev`, by those of them that are not for developing.
 * With TEST_NPM_CI=1 it is npm that does it.
 */
export async function makeImage(t: Test): Promise<Image> {
  const stages = readDockerfile(shipped('Dockerfile'))
  const folder = folderFor(t)
  const file = join(folder, 'steps')
  writeFileSync(
    file,
    [prologue(folder), ...stages.map(stepsOf), 'echo made', 'exec cat'].join('\n'),
  )
  const holder = spawn('unshare', ['--mount', 'sh', '-eu', file], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  t.teardown(() => holder.kill('SIGKILL'))
  await isMade(holder)
  const stage = stages.at(-1)!
  const [entrypoint, command] = [words(lastOf(stage, 'ENTRYPOINT')), words(lastOf(stage, 'CMD'))]
  const enter = ['--target', String(holder.pid), '--mount', 'chroot']
  const user = `--userspec=${lastOf(stage, 'USER').rest}`
  const root = rootOf(stages.length - 1, folder)
  return {
    stage,
    run(env = {}, run = [...entrypoint, ...command]) {
      const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
      const inside = `cd ${lastOf(stage, 'WORKDIR').rest} && exec "$@"`
      const clean = ['env', '-i', `PATH=${path}`, ...environmentOf(stage), ...variables]
      return spawn('nsenter', [...enter, user, root, ...clean, 'sh', '-c', inside, 'sh', ...run], {
        stdio: ['ignore', 'pipe', 'pipe'],
      })
    },
  }
}

async function isMade(holder: ChildProcess): Promise<void> {
  let said = ''
  const made = new Promise<void>((resolve) => {
    const listen = (text: Buffer): void => {
      said += text.toString()
      if (said.endsWith('made\n')) resolve()
    }
    holder.stdout!.on('data', listen)
    holder.stderr!.on('data', listen)
  })
  const failed = once(holder, 'exit').then(() => {
    throw new Error(`a step failed: ${said}`)
  })
  await Promise.race([made, failed])
}

const rootOf = (index: number, folder = '$folder'): string => `${folder}/${index}/root`

/** The environment of a stage, as `NAME=value`. */
function environmentOf({ instructions }: Stage): readonly string[] {
  return instructions.filter(({ name }) => name === 'ENV').flatMap(({ rest }) => rest.split(/\s+/))
}

function prologue(folder: string): string {
  const standIn = `#!/bin/sh -e
# Stands in for npm ci.
case "$*" in
  ci*--omit=dev*)
    cd /stand-in
    xargs cp --archive --parents --target-directory="$OLDPWD" </stand-in/packages ;;
  ci*) ln -s /stand-in/node_modules node_modules ;;
  *) exec "$NPM" "$@" ;;
esac
`
  writeFileSync(join(folder, 'npm'), standIn, { mode: 0o755 })
  const own = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: project })
  const packages = own
    .toString()
    .split('\n')
    // What is within another package comes along with that.
    .filter((place) => /^[^]*?\/node_modules\/(?![^]*\/node_modules\/)/.test(place))
    .map((place) => place.slice(project.length))
  writeFileSync(join(folder, 'packages'), packages.join('\n'))
  return `folder=${folder}
project=${project}
export PATH=${path} NPM=${execFileSync('which', ['npm']).toString().trim()}
# A stage on this machine's root.
begin() {
  mkdir -p "$folder/$1"
  mount -t tmpfs ringcast "$folder/$1"
  cd "$folder/$1"
  mkdir upper work root
  mount -t overlay ringcast -o "lowerdir=/,upperdir=$PWD/upper,workdir=$PWD/work" root
  mount --bind /proc root/proc
  mount --rbind /dev root/dev
  sed -i '/:x\\?:1000:/d' root/etc/passwd root/etc/group
  echo 'node:x:1000:1000::/home/node:/bin/sh' >>root/etc/passwd
  echo 'node:x:1000:' >>root/etc/group
  [ "\${TEST_NPM_CI-}" = 1 ] && return
  mkdir -p root/stand-in/node_modules
  cp "$folder/packages" "$folder/npm" root/stand-in
  mount --bind -o ro "$project/node_modules" root/stand-in/node_modules
}
# Copies as COPY does: of a folder what is in it.
copy() {
  if [ -d "$1" ]; then mkdir -p "$2" && cp -RT "$1" "$2"; else cp "$1" "$2"; fi
}
# A volume takes over its owner and mode from the image.
volume() {
  mount -t tmpfs -o "uid=$(stat -c %u "$1"),gid=$(stat -c %g "$1"),mode=$(stat -c %a "$1")" ringcast "$1"
}`
}

/** The steps of a stage as a shell script. */
function stepsOf(stage: Stage, index: number, stages: readonly Stage[]): string {
  const root = rootOf(index)
  const folder = lastOf(stage, 'WORKDIR').rest
  const steps = stage.instructions.map(({ name, flags, rest }: Instruction) => {
    if (name === 'WORKDIR') return `mkdir -p ${root}${rest}`
    if (name === 'RUN') {
      const command = `cd ${folder} && ${rest}`
      return `chroot ${root} sh -e -c '${command.replaceAll("'", "'\\''")}' </dev/null`
    }
    if (name !== 'COPY') return ''
    const from = flags.get('from')
    const source =
      from === undefined ? '$project' : rootOf(stages.findIndex((s) => s.name === from))
    const places = rest.split(/\s+/)
    const to = `${root}${folder}/${places.pop()}`
    return places.map((place) => `copy "${join(source, place)}" "${to}"`).join('\n')
  })
  const isLast = index === stages.length - 1
  const end = isLast
    ? [
        `volume ${root}/etc/ringcast`,
        `volume ${root}/var/lib/ringcast`,
        `mount -o remount,ro ${root}`,
      ]
    : []
  return [`begin ${index}`, ...steps, ...end].join('\n')
}
