import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { topicsOnly, type Contender } from '../contender.js'
import { isInstalled } from '../machine.js'
import { freePort } from '../free-port.js'
import { isListening, startProgram } from '../process.js'

const noLimit = 1_000_000_000

function configuration(port: number, pushPort: number, folder: string): string {
  return `
[global]
include={libdir}/internal.conf
rundir=${folder}/run
ipc_prefix=bench-
port_offset=0
stats_connection_ttl=120
[runner]
services=condure,zurl,pushpin-proxy,pushpin-handler
http_port=127.0.0.1:${port}
logdir=${folder}
log_level=1
client_buffer_size=8192
client_maxconn=16000
condure_bin=condure
zurl_bin=zurl
[proxy]
routesfile=${folder}/routes
zurl_out_specs=ipc://${folder}/run/bench-zurl-in
zurl_out_stream_specs=ipc://${folder}/run/bench-zurl-in-stream
zurl_in_specs=ipc://${folder}/run/bench-zurl-out
updates_check=off
sig_key=bench
[handler]
push_in_spec=ipc://${folder}/push
push_in_sub_specs=ipc://${folder}/sub
push_in_http_addr=127.0.0.1
push_in_http_port=${pushPort}
push_in_http_max_headers_size=10000
push_in_http_max_body_size=1000000
stats_spec=ipc://${folder}/stats
command_spec=ipc://${folder}/command
message_rate=${noLimit}
message_hwm=${noLimit}
message_wait=5000
connection_subscription_max=20
subscription_linger=60
`
}

/** Pushpin, with an origin that tells it to hold each request as a stream (GRIP). */
export const pushpin: Contender = {
  name: 'pushpin',
  missing: isInstalled('pushpin') ? false : 'pushpin is not installed',
  async start() {
    const folder = mkdtempSync(join(tmpdir(), 'ringcast-pushpin-'))
    const origin = createServer((request, response) => {
      response.writeHead(200, {
        'content-type': 'text/event-stream',
        'grip-hold': 'stream',
        'grip-channel': (request.url ?? '').slice(1),
      })
      response.end('retry: 2000\n\n')
    }).listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
    origin.keepAliveTimeout = 600_000
    await once(origin, 'listening')
    const [port, pushPort] = [await freePort(), await freePort()]
    writeFileSync(join(folder, 'routes'), `* 127.0.0.1:${(origin.address() as AddressInfo).port}\n`)
    const file = join(folder, 'pushpin.conf')
    writeFileSync(file, configuration(port, pushPort, folder))
    const child = startProgram('pushpin', ['--config', file], 'SIGTERM')
    await isListening(port)
    await isListening(pushPort)
    return {
      ...child,
      port,
      pushPort,
      // Its proxy answers 502 to some of more.
      atOnce: 32,
      ...topicsOnly(
        'body',
        (topic) => `/${topic}`,
        (topic, data) => {
          const content = `id: pushpin\ndata: ${data}\n\n`
          const items = [{ channel: topic, formats: { 'http-stream': { content } } }]
          return { path: '/publish/', type: 'application/json', body: JSON.stringify({ items }) }
        },
      ),
      async stop() {
        await child.stop()
        origin.closeAllConnections()
        origin.close()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  },
}
