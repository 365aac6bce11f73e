import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { Logger } from 'pino'
import { SettingsError, type Settings } from './settings.js'
import { readValueFile } from './value-file.js'

/** What a server shows its clients: its certificate with those that vouch for it, and its key, in PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
  /** Whose it is and until when, for the log. */
  readonly summary: CertificateSummary
}

/** What the log says of a certificate. */
export interface CertificateSummary {
  /** The names that it is for, as it has them: `DNS:push.example.com`. */
  readonly names: string
  /** RFC 3339. */
  readonly validTo: string
  /** SHA-256 of it: tells one from the next. */
  readonly fingerprint: string
}

/**
 * Reads the certificate that `TLS_CERT` and `TLS_KEY` name; undefined where they name none.
 *
 * @throws SettingsError, one line that says which file is wrong and why.
 */
export function readCertificate({
  tlsCert,
  tlsKey,
}: Pick<Settings, 'tlsCert' | 'tlsKey'>): Certificate | undefined {
  if (tlsCert === '') return undefined
  const cert = readValueFile('TLS_CERT', tlsCert)
  const key = readValueFile('TLS_KEY', tlsKey)
  // The first of a chain is the server's own.
  const own = parsed(`TLS_CERT: ${tlsCert} has no certificate in PEM`, () => {
    return new X509Certificate(cert)
  })
  const privateKey = parsed(
    `TLS_KEY: ${tlsKey} has no private key in PEM, or one with a password`,
    () => {
      return createPrivateKey(key)
    },
  )
  if (!own.checkPrivateKey(privateKey)) {
    throw new SettingsError(`TLS_KEY: ${tlsKey} is not the key of the certificate in ${tlsCert}`)
  }
  // The rest of the chain too, and whether the key is strong enough, as a server sees it.
  parsed(`TLS_CERT: ${tlsCert} is broken behind its first certificate, or too weak for TLS`, () => {
    return createSecureContext({ cert, key })
  })
  return {
    cert,
    key,
    summary: {
      names: own.subjectAltName ?? own.subject,
      validTo: new Date(own.validTo).toISOString(),
      fingerprint: own.fingerprint256,
    },
  }
}

function parsed<T>(problem: string, parse: () => T): T {
  try {
    return parse()
  } catch {
    throw new SettingsError(problem)
  }
}

/** Says in the log which certificate is shown from now on, and whether it is good. */
export function tellOfCertificate(logger: Logger, { summary }: Certificate): void {
  if (Date.parse(summary.validTo) > Date.now()) logger.info(summary, 'the certificate')
  else logger.warn(summary, 'the certificate has expired: clients will refuse it')
}

/** Has the service show a certificate, on connections that come from now on. */
export type UseCertificate = (certificate: Certificate) => void

/**
 * On SIGHUP reads the certificate anew. Where the files are not as they should be, the log says why, and
 * all stays as it is. Signals that come before the service listens count once it does.
 *
 * @returns to be called then.
 */
export function renewOnHangup(settings: Settings, logger: Logger): (use: UseCertificate) => void {
  let use: UseCertificate | undefined
  let isDue = false
  const renew = (): void => {
    try {
      const certificate = readCertificate(settings)!
      use!(certificate)
      tellOfCertificate(logger, certificate)
    } catch (error) {
      const { message: problem } = error as Error
      logger.error({ problem }, 'the certificate could not be renewed: the old one stays')
    }
  }
  process.on('SIGHUP', () => {
    if (use === undefined) isDue = true
    else renew()
  })
  return (useIt) => {
    use = useIt
    if (isDue) renew()
  }
}
