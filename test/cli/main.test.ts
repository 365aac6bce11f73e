import { readFileSync } from 'node:fs'
import t from 'tap'
import { runCommand } from '../../dist/cli/commands.js'
import { defaultSettings, describeSettings } from '../../dist/settings.js'
import { fakeIo } from './fake-io.js'

async function run(argv: string[], env: NodeJS.ProcessEnv = {}) {
  const io = fakeIo(env)
  const exitCode = await runCommand(argv, io)
  return { exitCode, stdout: io.stdout.text(), stderr: io.stderr.text() }
}

t.test('without a command the help goes to standard error, with exit code 2', async (t) => {
  const { exitCode, stdout, stderr } = await run([])
  t.equal(exitCode, 2)
  t.equal(stdout, '')
  t.match(stderr, /^Usage: ringcast COMMAND/)
})

t.test('--help names every command, and every command has its own', async (t) => {
  const { exitCode, stdout } = await run(['--help'])
  t.equal(exitCode, 0)
  for (const command of ['serve', 'push', 'tail', 'token', 'doctor']) {
    t.match(stdout, new RegExp(`^  ${command} `, 'm'))
    for (const flag of ['--help', '-h']) {
      const help = await run([command, flag])
      t.equal(help.exitCode, 0)
      t.ok(help.stdout.startsWith(`Usage: ringcast ${command} `))
      t.equal(help.stderr, '')
    }
  }
})

t.test('--version is that of the package', async (t) => {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(file) as { version: string }
  t.same(await run(['--version']), { exitCode: 0, stdout: `${version}\n`, stderr: '' })
})

t.test('an unknown command is refused in one line, with the nearest', async (t) => {
  const { exitCode, stderr } = await run(['psuh', 'x'])
  t.equal(exitCode, 2)
  t.equal(stderr, 'ringcast: unknown command "psuh"; the nearest is push\n')
})

t.test('serve --print-config shows the settings as they would be', async (t) => {
  const { exitCode, stdout } = await run(['serve', '--print-config', '--port', '0'])
  t.equal(exitCode, 0)
  t.equal(stdout, describeSettings({ ...defaultSettings(), port: 0 }))
})

t.test('serve refuses settings in one line, with exit code 2', async (t) => {
  t.same(await run(['serve', '--ring-event', '9']), {
    exitCode: 2,
    stdout: '',
    stderr: 'ringcast: unknown flag --ring-event; the nearest is --ring-events\n',
  })
  const { exitCode, stderr } = await run(['serve', '--print-config'], { RINGCAST_DRAIN: 'x' })
  t.equal(exitCode, 2)
  t.match(stderr, /^ringcast: RINGCAST_DRAIN: "x" is not a duration .*\n$/)
})
