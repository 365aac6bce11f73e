import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Lifetime } from './lifetime.js'

/** A small disk of its own. */
export interface Disk {
  readonly path: string
  /** Gives it another size, as `8m`. */
  resize(size: string): void
  /** Leaves no room on it. */
  fill(): void
}

/** Why no disk can be had here, or false if one can. */
export const whyNoDisk = process.getuid?.() === 0 ? false : 'a disk of its own needs root'

/** Mounts a disk of a size, as `1m`; the end of the test removes it. */
export function mountDisk(t: Lifetime, size: string): Disk {
  const path = mkdtempSync(join(tmpdir(), 'ringcast-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path])
  t.teardown(() => {
    // Who still has it open may be ended later.
    execFileSync('umount', ['--lazy', path])
    rmSync(path, { recursive: true })
  })
  return {
    path,
    resize(size) {
      execFileSync('mount', ['-o', `remount,size=${size}`, path])
    },
    fill() {
      const { bavail, bsize } = statfsSync(path)
      try {
        writeFileSync(join(path, 'filler'), Buffer.alloc(bavail * bsize))
      } catch (error) {
        // Others write to it meanwhile: then it is full before all is written.
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    },
  }
}
