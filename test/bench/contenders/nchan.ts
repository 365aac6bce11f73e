import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { topicsOnly, type Contender, type Server } from '../contender.js'
import { isInstalled } from '../machine.js'
import { freePort } from '../free-port.js'
import { isListening, startProgram } from '../process.js'
import { noCertificate, withCertificate, type CertificateFiles } from './certificate.js'

const nchanModule = '/usr/lib/nginx/modules/ngx_nchan_module.so'

function configuration(listen: string): string {
  return `
load_module ${nchanModule};
daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid nginx.pid;
error_log stderr error;
events { worker_connections 19000; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 1000000000;
  nchan_shared_memory_size 1g;
  server {
    ${listen}
    location ~ ^/pub/(.+)$ {
      nchan_publisher;
      nchan_channel_id $1;
      nchan_message_buffer_length 1000;
      nchan_message_timeout 5m;
    }
    location ~ ^/sub/(.+)$ {
      nchan_subscriber eventsource;
      nchan_channel_id $1;
      nchan_subscriber_first_message newest;
    }
  }
}
`
}

async function startNchan(files?: CertificateFiles): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-nchan-'))
  const port = await freePort()
  const file = join(folder, 'nginx.conf')
  const address = `127.0.0.1:${port} backlog=4096`
  writeFileSync(
    file,
    configuration(
      files === undefined
        ? `listen ${address};`
        : `listen ${address} ssl http2; ssl_certificate ${files.cert}; ssl_certificate_key ${files.key};`,
    ),
  )
  const child = startProgram('nginx', ['-p', folder, '-c', file, '-e', 'stderr'], 'SIGKILL')
  await isListening(port)
  return {
    ...child,
    port,
    pushPort: port,
    ...topicsOnly(
      'body',
      (topic) => `/sub/${topic}`,
      (topic, data) => ({ path: `/pub/${topic}`, type: 'application/json', body: data }),
    ),
    async stop() {
      await child.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const missing =
  isInstalled('nginx') && existsSync(nchanModule)
    ? false
    : 'nginx with nchan is not installed (nginx, libnginx-mod-nchan)'

/** nginx with the nchan module: one worker, so one core, as Ringcast. */
export const nchan: Contender = { name: 'nchan', missing, start: () => startNchan() }

/** The same over TLS, whose streams are HTTP/2, so many to a connection. */
export const nchanOverHttp2 = (streamsAConnection: number): Contender => ({
  name: `nchan, HTTP/2, ${streamsAConnection} a connection`,
  missing: missing || noCertificate,
  start: () => withCertificate(streamsAConnection, startNchan),
})
