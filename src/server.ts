import { lookup } from 'node:dns/promises'
import { buildApp } from './app.js'
import { hasCredentials } from './auth/credential-settings.js'
import { isLoopbackAddress } from './auth/loopback.js'
import {
  readCertificate,
  renewOnHangup,
  tellOfCertificate,
  type Certificate,
} from './certificate.js'
import { internalAddress, listen, whyNotListening } from './listening.js'
import { openLogger, type ProcessLog } from './process-log.js'
import { SettingsError, type Settings } from './settings.js'
import { endEarlyOnSignals, endingSignals, endOnSignals, type Running } from './signals.js'
import { runWorkers } from './workers/primary.js'

/**
 * Runs the service as this process, or as its workers: listens, and on SIGTERM or SIGINT, or SIGHUP where
 * that renews no certificate, drains and exits with 0; a second signal ends it at once. What keeps it from
 * listening is one line, and exit code 1.
 *
 * @throws SettingsError when the service is open and asked to listen beyond this machine, or its
 * certificate is not as it should be.
 */
export async function serve(settings: Settings): Promise<void> {
  await refuseOpenBind(settings)
  const certificate = readCertificate(settings)
  const log = openLogger(settings)
  const signals = endingSignals(certificate !== undefined)
  const begun = endEarlyOnSignals(signals, log)
  const renewBy = certificate && renewOnHangup(settings, log.logger)
  let running: Running
  try {
    const run = settings.workers > 1 ? runWorkers : runAlone
    running = await run(settings, certificate, log)
  } catch (error) {
    process.stderr.write(`ringcast: ${whyNotListening(error, settings)}\n`)
    log.exit(1)
    return
  }
  begun()
  if (certificate !== undefined) tellOfCertificate(log.logger, certificate)
  renewBy?.(running.useCertificate)
  endOnSignals(signals, running, log)
}

async function runAlone(
  settings: Settings,
  certificate: Certificate | undefined,
  { logger }: ProcessLog,
): Promise<Running> {
  const app = await buildApp(settings, { logger, certificate })
  await listen(app, settings, logger, {
    service: (address) => `listening on ${address}`,
    internal: internalAddress,
  })
  return app
}

/** Open means this machine alone: beyond it, everybody who can reach the service could push. */
async function refuseOpenBind(settings: Settings): Promise<void> {
  const { anonymous, host } = settings
  if (anonymous === 'all' || hasCredentials(settings)) return
  const addresses = await lookup(host, { all: true }).catch(() => [])
  if (addresses.every(({ address }) => isLoopbackAddress(address))) return
  throw new SettingsError(
    `HOST ${host} can be reached from other machines, and without credentials anyone there could push and listen: ` +
      'set a key (RINGCAST_API_KEYS="$(openssl rand -hex 24)", or JWT_SECRET, JWT_PUBLIC_KEY, JWKS_URL), ' +
      'use HOST 127.0.0.1, or set RINGCAST_ANONYMOUS=all (--anonymous all) to mean it',
  )
}
