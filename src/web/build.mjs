// Bundles what browsers get, into dist/web: `client.js` and `feed.js`, whose names are promised, and the
// dashboard, whose scripts and styles are named after what is in them, so that they may be kept for ever.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = new URL('.', import.meta.url)
const out = fileURLToPath(new URL('../../dist/web/', here))
const source = (path) => fileURLToPath(new URL(path, here))
const common = { bundle: true, minify: true, target: 'es2022', logLevel: 'warning' }

await build({
  ...common,
  entryPoints: [source('client.ts')],
  format: 'esm',
  outfile: `${out}client.js`,
})

// As a classic script and as a module alike: nothing is exported, and no name is left behind.
await build({
  ...common,
  entryPoints: [source('feed/feed.ts')],
  format: 'iife',
  outfile: `${out}feed.js`,
})

await rm(`${out}assets`, { recursive: true, force: true })
const { metafile } = await build({
  ...common,
  entryPoints: [source('dashboard/dashboard.ts'), source('dashboard/dashboard.css')],
  format: 'esm',
  entryNames: '[name]-[hash]',
  outdir: `${out}assets`,
  metafile: true,
})
let page = await readFile(source('dashboard/dashboard.html'), 'utf8')
for (const [path, { entryPoint }] of Object.entries(metafile.outputs)) {
  page = page.replace(basename(entryPoint).replace(/ts$/, 'js'), `assets/${basename(path)}`)
}
await writeFile(`${out}dashboard.html`, page)
