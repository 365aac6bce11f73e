import { readFileSync } from 'node:fs'
import { quote } from './cli/arguments.js'
import { SettingsError } from './setting-kinds.js'

/**
 * Reads a value from the file that is named in its place, without the line end that editors leave.
 *
 * @param source what names the file: the flag or the variable.
 * @throws SettingsError if the file cannot be read.
 */
export function readValueFile(source: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    const { code = 'it cannot be read' } = error as NodeJS.ErrnoException
    throw new SettingsError(`${source}: ${quote(file)} is not a file that can be read (${code})`)
  }
}
