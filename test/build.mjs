// Compiles what is in test/, into .test: tests run as JavaScript, against what is built in dist. A loader
// that compiles in each test's process takes four times as long to start.
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const project = fileURLToPath(new URL('..', import.meta.url))

/** Everything is imported from where it is, but for modules of src/web: dist has them in bundles only. */
const onlyWeb = {
  name: 'only-web',
  setup({ onResolve }) {
    onResolve({ filter: /.*/ }, ({ kind, path, importer }) =>
      kind === 'entry-point' || /\/src\/web\//.test(path) || /\/src\/web\//.test(importer)
        ? undefined
        : { path, external: true },
    )
  },
}

await rm(`${project}.test`, { recursive: true, force: true })
await build({
  absWorkingDir: project,
  entryPoints: ['test/**/*.ts'],
  outbase: 'test',
  outdir: '.test',
  bundle: true,
  plugins: [onlyWeb],
  platform: 'node',
  target: 'node20',
  format: 'esm',
  sourcemap: true,
  logLevel: 'warning',
})
