import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Certificate } from '../../dist/certificate.js'

/** Where a certificate of this machine and its key are, made for a test. */
export interface CertificateFiles {
  readonly tlsCert: string
  readonly tlsKey: string
  /** Makes another in their place. */
  renew(): void
}

/** Makes a certificate that vouches for itself, for `localhost` and 127.0.0.1. Needs openssl. */
export function certificateFiles(t: Test): CertificateFiles {
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-tls-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  const [tlsCert, tlsKey] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const renew = (): void => {
    makeCertificate(tlsCert, tlsKey)
  }
  renew()
  return { tlsCert, tlsKey, renew }
}

let shared: Certificate | undefined

/** One certificate for all the services of a test process; clients of `ask` and others trust it. */
export function testCertificate(): Certificate {
  shared ??= otherCertificate()
  return shared
}

/** Another one, which they do not trust. */
export function otherCertificate(): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-tls-'))
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  makeCertificate(cert, key)
  const made = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
  rmSync(folder, { recursive: true, force: true })
  return { ...made, summary: { names: '', validTo: '', fingerprint: '' } }
}

/** Makes a certificate that vouches for itself and its key, in files in PEM. Needs openssl. */
export function makeCertificate(cert: string, key: string): void {
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1'
  const kind = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1'
  const args = `req -x509 ${kind} -subj /CN=localhost -addext ${names} -keyout ${key} -out ${cert}`
  execFileSync('openssl', args.split(' '), { stdio: 'pipe' })
}
