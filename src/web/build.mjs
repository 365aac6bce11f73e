// Bundles what browsers get, into dist/web: `client.js` and `feed.js`, whose names are promised, and the
// pages, whose scripts and styles are named after what is in them, so that they may be kept for ever.
import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
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

const assets = `${out}assets/`
await rm(assets, { recursive: true, force: true })
await mkdir(assets, { recursive: true })

// The page of the API is Swagger UI, whose bundle is finished.
const swaggerUi = new URL('static/', import.meta.resolve('@fastify/swagger-ui/package.json'))
const notice = '/*! Swagger UI, Apache-2.0: https://github.com/swagger-api/swagger-ui */\n'
// The licence has to come along, which the packed copy lacks; TypeScript has the same.
await copyFile(
  new URL(import.meta.resolve('typescript/LICENSE.txt')),
  `${out}swagger-ui.LICENSE.txt`,
)

/** The names of assets, by what the pages call them. */
const names = new Map()
for (const name of ['swagger-ui.css', 'swagger-ui-bundle.js']) {
  const text = notice + (await readFile(new URL(name, swaggerUi), 'utf8'))
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8).toUpperCase()
  names.set(name, name.replace('.', `-${hash}.`))
  await writeFile(`${assets}${names.get(name)}`, text)
}

const pages = ['dashboard', 'docs']
const { metafile } = await build({
  ...common,
  entryPoints: pages.flatMap((page) => [
    source(`${page}/${page}.ts`),
    source(`${page}/${page}.css`),
  ]),
  format: 'esm',
  entryNames: '[name]-[hash]',
  outdir: assets,
  metafile: true,
})
for (const [path, { entryPoint }] of Object.entries(metafile.outputs)) {
  names.set(basename(entryPoint).replace(/ts$/, 'js'), basename(path))
}

for (const page of pages) {
  const html = await readFile(source(`${page}/${page}.html`), 'utf8')
  const named = html.replaceAll(
    /(?<=(?:src|href)=")[\w-]+\.(?:js|css)(?=")/g,
    (name) => `assets/${names.get(name)}`,
  )
  await writeFile(`${out}${page}.html`, named)
}
