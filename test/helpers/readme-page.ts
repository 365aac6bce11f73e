import { readFileSync } from 'node:fs'

/** A page of the README, by its title, for a service on another port. */
export function readmePage(title: string, port: number): string {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const pages = Array.from(readme.matchAll(/```html\n([^]*?)```/g), ([, html]) => html!)
  return pages
    .find((html) => html.includes(`<title>${title}<`))!
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)
}
