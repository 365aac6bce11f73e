import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Remedy } from '../../../dist/cli/doctor/remedies.js'
import { freePort } from '../../bench/free-port.js'
import { runNginx } from '../../helpers/nginx.js'

/** The lines of a configuration, by where they stand. */
export interface NginxLines {
  readonly http: readonly string[]
  readonly location: readonly string[]
}

/** What a service needs of nginx, with nothing wrong. */
export const goodLines: NginxLines = {
  http: ["map $http_upgrade $connection_upgrade { default upgrade; '' ''; }"],
  location: [
    'proxy_http_version 1.1;',
    'proxy_set_header Upgrade $http_upgrade;',
    'proxy_set_header Connection $connection_upgrade;',
    'proxy_set_header Host $http_host;',
  ],
}

/** Starts a real nginx in front of a host and port or an upstream, until the test ends, and resolves with its URL. */
export async function startNginx(t: Test, target: string, lines: NginxLines): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-nginx-'))
  const port = await freePort()
  writeFileSync(join(folder, 'nginx.conf'), configuration(port, target, lines))
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return runNginx(t, port, ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'])
}

/** Does to the lines what a remedy says, to the letter. */
export function applied(lines: NginxLines, remedies: readonly Remedy[]): NginxLines {
  return remedies.reduce((before, { place, put = [], drop = [] }) => {
    if (place !== 'http' && place !== 'location') throw new Error(`where is ${place}?`)
    const dropped = drop.map((line) => line.split('…')[0]!)
    const kept = before[place].filter(
      (line) =>
        !put.some((each) => subjectOf(each) === subjectOf(line)) &&
        !dropped.some((beginning) => line.startsWith(beginning)),
    )
    return { ...before, [place]: [...kept, ...put] }
  }, lines)
}

/** What a line sets: its directive, and which header where it is about one. */
function subjectOf(line: string): string {
  const [directive, first] = line.split(/[ ;]/)
  return directive === 'proxy_set_header' || directive === 'map'
    ? `${directive} ${first}`
    : directive!
}

function configuration(port: number, target: string, { http, location }: NginxLines): string {
  // Started by root it would give its workers a user who may not write here.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `daemon off;
${user}
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
  default_type text/plain;
  client_body_temp_path client_body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  ${http.join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://${target};
      ${location.join('\n      ')}
    }
  }
}
`
}
