import { readFileSync } from 'node:fs'

/** The text of the README. */
export const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

/** The rows of the README's tables, as their cells. */
export const rows: readonly (readonly string[])[] = readme
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.slice(2, -2).split(/ (?<!\\)\| /))

/** The rows whose first cell is like this. */
export function named(pattern: RegExp): string[][] {
  return rows.filter(([name]) => pattern.test(name!)).map((cells) => [...cells])
}

/** The words in backticks of the first cells of a table, which is known by the first cell of its head. */
export function wordsOfTable(head: string): string[] {
  const text = readme.slice(readme.indexOf(`\n| ${head} |`) + 1).split('\n')
  const end = text.findIndex((line) => !line.startsWith('|'))
  return text.slice(2, end).flatMap((line) => wordsIn(line.slice(2).split(/ (?<!\\)\| /)[0]!))
}

/** The words in backticks of a text. */
export function wordsIn(text: string): string[] {
  return Array.from(text.matchAll(/`([^`]+)`/g), ([, word]) => word!)
}
