import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { open, type Database, type RootDatabase } from 'lmdb'
import { isHeld, lockDirectory, type DirectoryLock } from './directory-lock.js'
import { LogOpenError } from './log-open-error.js'

/** Keys and values are bytes. */
export type Table = Database<Buffer, Buffer>

/** An LMDB store in a directory of its own, held by this process alone, or for several by their primary. */
export interface Store {
  readonly root: RootDatabase<Buffer, Buffer>
  /** Segments by the sequence of their first event. */
  readonly segments: Table
  /** Which events of which segment are of a topic or for a user. */
  readonly index: Table
  /** Pages of the eviction horizon. */
  readonly gone: Table
  /** Up to which second whose credentials are revoked. */
  readonly revoked: Table
  /** Where the log stands. */
  readonly state: Table
  /** Whether something may have been accepted into it: then it must never begin from nothing. */
  readonly begun: boolean
  /** Where its data is. */
  readonly dataFile: string
  /** Whether other processes write to it too. */
  readonly isShared: boolean
  /** Whether it can still be read. */
  readonly isOpen: boolean
  /** Notes that from now on something may be accepted. */
  begin(): void
  /** Lets go of it, and of the directory. */
  close(): Promise<void>
  /** Lets go of it, and hands over the directory's lock; none if it is shared. */
  handOver(): Promise<DirectoryLock | undefined>
}

const markerName = 'ringcast.json'
/** The marker before it is whole. It may be all that there is of a log, if the disk was full at its first start. */
const newMarkerName = `${markerName}.new`
const format = 1
/** What LMDB needs to make its files, in bytes: 48 kB, measured, and some to spare. */
const leastRoom = 128 * 1024
/** What a directory has that was made and not finished, beside the marker. */
const ownFiles = /^(data\.mdb|lock\.mdb|lock(\.[0-9a-f]+(\.stale)?)?|ringcast\.json(\.new)?)$/

/**
 * Opens the store of a directory, which is made if it is missing.
 *
 * @throws LogOpenError where it cannot be used, or cannot be trusted.
 */
export async function openStore(directory: string): Promise<Store> {
  const begun = prepare(directory)
  const lock = await takeLock(directory)
  const dataFile = join(directory, 'data.mdb')
  let shortAt: number | undefined
  try {
    // A backup may have come without it.
    if (!begun || !existsSync(join(directory, 'lock.mdb'))) checkRoom(directory)
    shortAt = begun ? checkLength(dataFile) : undefined
    const store = openTables(directory, lock, begun)
    if (shortAt !== undefined) checkWhole(store)
    return store
  } catch (error) {
    if (shortAt !== undefined) truncateSync(dataFile, shortAt)
    lock.release()
    throw described(error, directory)
  }
}

/**
 * Opens the store of a directory that the primary of this process holds, beside others.
 *
 * @throws LogOpenError where it cannot be used, or is not held.
 */
export async function openSharedStore(directory: string): Promise<Store> {
  try {
    if (!(await isHeld(directory)) || readMarker(directory) !== true) {
      throw new LogOpenError(`the log in ${directory} is held by nobody: its primary has ended`)
    }
    return openTables(directory, undefined, true)
  } catch (error) {
    throw described(error, directory)
  }
}

/** Makes or recognizes the directory; answers whether the log in it has begun. */
function prepare(directory: string): boolean {
  try {
    makeDirectory(directory)
    const marker = readMarker(directory)
    if (marker !== undefined) return marker
    const foreign = readdirSync(directory, { withFileTypes: true }).find(
      (entry) => !(entry.name === newMarkerName && entry.isFile()) && entry.name !== 'lost+found',
    )
    if (foreign !== undefined) throw noLog(directory, foreign.name)
    writeMarker(directory, false)
    return false
  } catch (error) {
    throw described(error, directory)
  }
}

/** Not by `recursive`, which never ends where the kernel refuses with ENOENT, as in /proc. */
function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    const parent = dirname(directory)
    if (code !== 'ENOENT') throw error
    if (existsSync(parent)) throw new LogOpenError(`${directory} cannot be made (${String(error)})`)
    makeDirectory(parent)
    mkdirSync(directory)
  }
}

function readMarker(directory: string): boolean | undefined {
  const files = readdirSync(directory)
  if (!files.includes(markerName)) return undefined
  const text = readFileSync(join(directory, markerName), 'utf8')
  const marker = parsed(text)
  if (marker?.['format'] !== format) {
    throw new LogOpenError(
      `${join(directory, markerName)} is damaged, or of another version of ringcast: this one reads format ${format}`,
    )
  }
  if (marker['begun'] === true) return true
  const foreign = files.find((name) => !ownFiles.test(name) && name !== 'lost+found')
  if (foreign === undefined) return false
  throw noLog(directory, foreign)
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return undefined
  }
}

/** Written whole or not at all, and safe on disk when it returns. */
function writeMarker(directory: string, begun: boolean): void {
  const file = join(directory, markerName)
  const written = join(directory, newMarkerName)
  rmSync(written, { force: true })
  // `wx` follows no link that somebody has put there.
  const options = { flush: true, flag: 'wx' } as const
  writeFileSync(written, `${JSON.stringify({ log: 'ringcast', format, begun })}\n`, options)
  renameSync(written, file)
  const descriptor = openSync(directory, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

async function takeLock(directory: string): Promise<DirectoryLock> {
  const lock = await lockDirectory(directory).catch((error: unknown) => {
    throw described(error, directory)
  })
  if (lock !== undefined) return lock
  throw new LogOpenError(
    `another process has the log in ${directory}: stop it, or give this one a directory of its own`,
  )
}

/** @param lock that of the directory; none where others have it open too. */
function openTables(directory: string, lock: DirectoryLock | undefined, begun: boolean): Store {
  const tables = { encoding: 'binary', keyEncoding: 'binary' } as const
  const root: RootDatabase<Buffer, Buffer> = open({
    path: directory,
    noSubdir: false,
    // A write is done when it is on disk, and nobody sees it sooner.
    overlappingSync: false,
    // What is written together is put together here; there is no need to wait for more.
    eventTurnBatching: false,
    ...tables,
  })
  const table = (name: string): Table => root.openDB({ name, ...tables })
  let isOpen = true
  const handOver = async (): Promise<DirectoryLock | undefined> => {
    isOpen = false
    await root.close()
    return lock
  }
  return {
    root,
    segments: table('segments'),
    index: table('index'),
    gone: table('gone'),
    revoked: table('revoked'),
    state: table('state'),
    begun,
    dataFile: join(directory, 'data.mdb'),
    begin: () => {
      writeMarker(directory, true)
    },
    isShared: lock === undefined,
    get isOpen() {
      return isOpen
    },
    handOver,
    close: async () => {
      await handOver()
      lock?.release()
    },
  }
}

/**
 * LMDB maps the files that it makes: without room for what it writes there the kernel ends the process.
 *
 * @throws LogOpenError.
 */
function checkRoom(directory: string): void {
  const { blocks, bavail, bfree, bsize } = statfsSync(directory)
  // Root has what is kept back from others. Some file systems don't tell.
  const free = process.getuid?.() === 0 ? bfree : bavail
  if (blocks > 0 && free * bsize < leastRoom) throw diskFull(directory)
}

/** Where the header of each of the two meta pages has what, in bytes (MDB_meta of data version 2). */
const meta = { magic: 24, pageSize: 48, lastPage: 144, transaction: 152, bytes: 160 }
const magic = 0xbeefc0de

/**
 * Looks whether the file is as long as it says, before it is mapped: to read beyond its end would end
 * the process. A file may be short by pages that were freed before they were ever written, so it is
 * made as long as it should be; answers how long it was then, since it has to be read whole.
 */
function checkLength(dataFile: string): number | undefined {
  const { size } = statSync(dataFile)
  const header = Buffer.alloc(64 * 1024)
  const descriptor = openSync(dataFile, 'r')
  readSync(descriptor, header, 0, header.length, 0)
  closeSync(descriptor)
  if (header.readUInt32LE(meta.magic) !== magic) throw new StoreDamaged('it is no LMDB file')
  const pageSize = header.readUInt32LE(meta.pageSize)
  if (![4096, 8192, 16384, 32768].includes(pageSize) || size < 2 * pageSize) {
    throw new StoreDamaged('its first pages are cut off')
  }
  const [, lastPage] = [0, pageSize]
    .map((at) => [
      header.readBigUInt64LE(at + meta.transaction),
      header.readBigUInt64LE(at + meta.lastPage),
    ])
    .reduce((a, b) => (a[0]! > b[0]! ? a : b))
  const length = (Number(lastPage) + 1) * pageSize
  if (size >= length) return undefined
  truncateSync(dataFile, length)
  return size
}

/** Reads all that a store has; pages that are missing are found so. */
function checkWhole({ segments, index, gone, revoked, state }: Store): void {
  for (const table of [segments, index, gone, revoked, state]) {
    let entries = 0
    for (const { value } of table.getRange()) if (value.length > 0) entries++
    const { entryCount } = table.getStats() as { entryCount: number }
    if (entries !== entryCount) throw new StoreDamaged('a part of it is cut off')
  }
}

/** What is wrong with a store that cannot be trusted. It is never begun anew by itself. */
export class StoreDamaged extends Error {
  override readonly name = 'StoreDamaged'
}

const advice =
  'nothing in it was changed; put a backup in its place, or move it away to begin a new log'

/** Why the log of a directory cannot be used, as a line that says so. */
export function described(error: unknown, directory: string): LogOpenError {
  const { code, message } = error as NodeJS.ErrnoException
  if (error instanceof LogOpenError) return error
  switch (code) {
    case 'ENOTDIR':
    case 'EEXIST':
      return new LogOpenError(`${directory} is not a directory`)
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new LogOpenError(`${directory} may not be written by this user (${code})`)
    case 'ENOENT':
      return new LogOpenError(`the log in ${directory} is incomplete (${message}): ${advice}`)
    case 'ENOSPC':
      return diskFull(directory)
    default:
      return new LogOpenError(`the log in ${directory} is damaged (${message}): ${advice}`)
  }
}

function diskFull(directory: string): LogOpenError {
  return new LogOpenError(`the disk of ${directory} is full`)
}

function noLog(directory: string, foreign: string): LogOpenError {
  return new LogOpenError(
    `${directory} is no log of ringcast (it has ${JSON.stringify(foreign)}): name an empty directory`,
  )
}
