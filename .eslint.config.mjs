import tseslint from 'typescript-eslint'

/**
 * Imports run one way: server → workers → app → routes → openapi → peers → transports, auth, limits → hub ← logs,
 * wire; logs, peers, auth → redis. A folder may import itself and what is listed here.
 */
const mayImport = {
  hub: ['errors'],
  redis: ['errors'],
  logs: ['hub', 'redis', 'errors', 'back-off'],
  wire: ['hub'],
  transports: ['hub'],
  auth: ['hub', 'redis', 'errors'],
  limits: [],
  metrics: ['hub', 'errors'],
  openapi: ['transports', 'auth', 'limits', 'metrics', 'peers', 'hub', 'errors'],
  peers: ['auth', 'metrics', 'hub', 'redis', 'errors', 'back-off'],
  routes: ['openapi', 'transports', 'auth', 'limits', 'wire', 'metrics', 'peers', 'hub', 'errors'],
  workers: [
    'app',
    'listening',
    'certificate',
    'process-log',
    'signals',
    'settings',
    'auth',
    'limits',
    'peers',
    'logs',
    'errors',
  ],
  cli: ['back-off', 'settings', 'setting-kinds', 'value-file', 'server', 'hub', 'version'],
}

const withoutPackages = ['hub', 'wire']

/** Runs in browsers, where nothing of the rest does; of its folders, none imports another. */
const webRules = [
  { files: ['src/web/*.ts'], forbid: '^(?!\\./[^/]+$)', message: 'src/web imports only itself.' },
  {
    files: ['src/web/*/*.ts'],
    forbid: '^(?!\\.\\.?/[^/]+$|uplot$)',
    message: 'A folder of src/web imports itself, src/web and uplot.',
  },
].map(({ files, forbid, message }) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns: [{ regex: forbid, message }] }] },
}))

/** How deep the folders of src/ go. */
const depths = [1, 2, 3]

const importRules = Object.entries(mayImport).flatMap(([folder, others]) => depths.map((depth) => ({
  files: [`src/${folder}/${'*/'.repeat(depth - 1)}*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: `^(\\.\\./){${depth}}(?!(${others.join('|')})(/|\\.js$))`,
            message: `src/${folder} may import ${others.join(', ')} only.`,
          },
          ...(withoutPackages.includes(folder)
            ? [{ regex: '^(?!\\.|node:)', message: `src/${folder} uses no packages.` }]
            : []),
        ],
      },
    ],
  },
})))

export default tseslint.config(
  { ignores: ['dist', '.tap', 'node_modules'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { project: ['./test/tsconfig.json', './src/web/tsconfig.json'], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      'no-console': 'error',
      'no-control-regex': 'off',
      // An index or a look-up that an invariant holds is said with `!`, next to the invariant.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  ...importRules,
  ...webRules,
  { files: ['**/*.mjs'], ...tseslint.configs.disableTypeChecked },
  {
    files: ['test/**/*.ts'],
    rules: {
      // tap's tests are async by habit, whether they wait or not.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-unused-expressions': 'off',
    },
  },
)
