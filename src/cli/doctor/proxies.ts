import type { IncomingHttpHeaders } from 'node:http'

/** The proxies that there are remedies for, by the names that `--proxy` takes. */
export const proxyNames = {
  nginx: 'nginx',
  apache: 'Apache',
  haproxy: 'HAProxy',
  caddy: 'Caddy',
  traefik: 'Traefik',
  alb: 'AWS ALB',
  cloudflare: 'Cloudflare',
} as const

/** One of these. */
export type ProxyName = keyof typeof proxyNames

/**
 * By what a proxy is known, in `Server`, `Via` and `Set-Cookie` together. HAProxy and Traefik say
 * nothing of themselves, and a load balancer of AWS only where it makes streams stick to a target.
 */
const signs: readonly (readonly [ProxyName, RegExp])[] = [
  ['nginx', /\b(nginx|openresty|tengine)\b/i],
  ['apache', /\bapache\b(?!trafficserver)/i],
  ['haproxy', /\bhaproxy\b/i],
  ['caddy', /\bcaddy\b/i],
  ['traefik', /\btraefik\b/i],
  ['alb', /\bawselb\b|\bAWSALB(APP|CORS|TG)?/],
  ['cloudflare', /\bcloudflare\b/i],
]

/** The proxies that headers of answers tell of; the service itself has none of these headers. */
export function recognise(answers: readonly IncomingHttpHeaders[]): ReadonlySet<ProxyName> {
  const found = new Set<ProxyName>()
  for (const headers of answers) {
    const text = ['server', 'via', 'set-cookie']
      .map((name) => String(headers[name] ?? ''))
      .join(' ')
    for (const [name, sign] of signs) if (sign.test(text)) found.add(name)
    if (headers['cf-ray'] !== undefined) found.add('cloudflare')
  }
  return found
}
