import { describeSettings, parseSettings, settingsHelp, unheardVariables } from '../settings.js'
import type { Io } from './io.js'

function serveHelp(): string {
  return `Usage: ringcast serve [settings]

Runs the service. Each setting is a flag (--ring-events 1000) or a variable of the environment
(RINGCAST_RING_EVENTS=1000); flags beat variables, which beat defaults.

${settingsHelp()}
  --print-config  Shows all settings as they would be, and ends.
  --help          This text.
`
}

/**
 * Runs `ringcast serve`. Resolves with the exit code, or with undefined once the service listens,
 * which then ends the process by itself. Rejects with a SettingsError.
 */
export async function runServe(argv: readonly string[], io: Io): Promise<number | undefined> {
  if (argv.includes('--help') || argv.includes('-h')) {
    io.stdout.write(serveHelp())
    return 0
  }
  const settings = parseSettings(argv, io.env)
  if (argv.includes('--print-config')) {
    io.stdout.write(describeSettings(settings))
    return 0
  }
  for (const name of unheardVariables(io.env)) {
    io.stderr.write(`ringcast: ${name} is set and not heard: only RINGCAST_${name} is\n`)
  }
  // Loaded only here, so that the other commands start without the service and its packages.
  const { serve } = await import('../server.js')
  await serve(settings)
  return undefined
}
