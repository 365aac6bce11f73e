import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificate } from '../../helpers/certificate.js'
import type { Server } from '../contender.js'
import { isInstalled } from '../machine.js'

/** Where a certificate and its key are, in PEM. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

/** Why none can be made here; false where it can. */
export const noCertificate = isInstalled('openssl') ? false : 'openssl is not installed'

/**
 * Starts a server that speaks HTTP/2 with a certificate of its own, which is gone when it stops. Its key
 * is of the kind that most have by now: ECDSA with P-256.
 *
 * @param streamsAConnection how many streams the load is to have on a connection.
 */
export async function withCertificate<S extends Server>(
  streamsAConnection: number,
  start: (files: CertificateFiles) => Promise<S>,
): Promise<S> {
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-bench-tls-'))
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    makeCertificate(cert, key)
    const server = await start({ cert, key })
    return { ...server, streamsAConnection, stop: () => server.stop().then(remove) }
  } catch (error) {
    remove()
    throw error
  }
}
