import { readFileSync } from 'node:fs'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

/** A page of the README, by its title, for a service on another port. */
export function readmePage(title: string, port: number): string {
  return blocks(readme, 'html', port).find((html) => html.includes(`<title>${title}<`))!
}

/** The commands of the README that stand below a heading, before the next, for another port. */
export function readmeCommands(heading: string, port: number): readonly string[] {
  const section = readme.split(/^##+ /m).find((text) => text.startsWith(`${heading}\n`))!
  return blocks(section, 'sh', port)
}

/** The first script of the README below a heading, for a service at another address. */
export function readmeScript(heading: string, service: string): string {
  const below = readme.slice(readme.indexOf(`# ${heading}\n`))
  return /```js\n([^]*?)```/.exec(below)![1]!.replaceAll('https://push.example.com', service)
}

function blocks(text: string, language: string, port: number): readonly string[] {
  const found = text.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))
  return Array.from(found, ([, block]) => block!.replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`))
}
