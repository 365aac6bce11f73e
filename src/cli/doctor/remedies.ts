import type { ProblemCode } from './problems.js'
import type { ProxyName } from './proxies.js'

/** The problems that a proxy makes, and that its configuration mends. */
export type ProxyProblem = Exclude<
  ProblemCode,
  | 'unreachable'
  | 'certificate'
  | 'no-tls'
  | 'not-ringcast'
  | 'host-refused'
  | 'credential'
  | 'nodes'
  | 'origins'
  | 'forged-address'
>

/** A change of a configuration. `…` stands for any rest of a line. */
export interface Remedy {
  /** Where in the configuration it is. */
  readonly place: string
  /** Lines to be there; each replaces one that sets the same. */
  readonly put?: readonly string[]
  /** Lines that must not be there. */
  readonly drop?: readonly string[]
  /** What no line says. */
  readonly note?: string
}

type Remedies = Readonly<Record<ProxyProblem, readonly Remedy[]>>

const upstream = 'http://127.0.0.1:8080'
const corsHeaders = 'Access-Control-'

/** https://nginx.org/en/docs/http/ngx_http_proxy_module.html, and websocket.html there. */
const nginx: Remedies = {
  path: [{ place: 'http', put: [`location /prefix/ { proxy_pass ${upstream}/; }`] }],
  buffering: [{ place: 'location', put: ['proxy_buffering off;'] }],
  compression: [{ place: 'location', put: ['gzip off;'] }],
  'content-type': [
    { place: 'location', drop: ['proxy_hide_header Content-Type;', 'add_header Content-Type …'] },
  ],
  'cache-control': [
    {
      place: 'location',
      put: ['expires off;'],
      drop: ['proxy_hide_header Cache-Control;', 'add_header Cache-Control …'],
    },
  ],
  caching: [{ place: 'location', put: ['proxy_cache off;'] }],
  chunked: [{ place: 'location', put: ['chunked_transfer_encoding on;'] }],
  idle: [{ place: 'location', put: ['proxy_read_timeout 1h;'] }],
  'idle-websocket': [
    { place: 'location', put: ['proxy_read_timeout 1h;', 'proxy_send_timeout 1h;'] },
  ],
  websocket: [
    { place: 'http', put: ["map $http_upgrade $connection_upgrade { default upgrade; '' ''; }"] },
    {
      place: 'location',
      put: [
        'proxy_http_version 1.1;',
        'proxy_set_header Upgrade $http_upgrade;',
        'proxy_set_header Connection $connection_upgrade;',
      ],
    },
  ],
  'last-event-id': [
    { place: 'location', put: ['proxy_set_header Last-Event-ID $http_last_event_id;'] },
  ],
  authorization: [
    { place: 'location', put: ['proxy_set_header Authorization $http_authorization;'] },
  ],
  'origin-header': [{ place: 'location', put: ['proxy_set_header Origin $http_origin;'] }],
  host: [{ place: 'location', put: ['proxy_set_header Host $http_host;'] }],
  cors: [
    {
      place: 'location',
      drop: [
        `add_header ${corsHeaders}…`,
        `proxy_hide_header ${corsHeaders}…`,
        'proxy_hide_header Vary;',
        'if ($request_method = OPTIONS) …',
      ],
      note: 'the service answers preflights and sets these headers itself',
    },
  ],
}

/** https://httpd.apache.org/docs/2.4/mod/mod_proxy.html, mod_proxy_http.html and mod_deflate.html. */
const apache: Remedies = {
  path: [{ place: 'VirtualHost', put: [`ProxyPass "/prefix/" "${upstream}/"`] }],
  buffering: [
    {
      place: 'VirtualHost',
      put: [`ProxyPass "/" "${upstream}/" upgrade=websocket flushpackets=on`],
      drop: ['SetOutputFilter BUFFER'],
    },
  ],
  compression: [{ place: '<Location "/events">', put: ['SetEnv no-gzip 1', 'SetEnv no-brotli 1'] }],
  'content-type': [{ place: 'VirtualHost', drop: ['ForceType …', 'Header set Content-Type …'] }],
  'cache-control': [
    { place: 'VirtualHost', put: ['ExpiresActive Off'], drop: ['Header set Cache-Control …'] },
  ],
  caching: [{ place: 'VirtualHost', put: ['CacheDisable "/"'] }],
  chunked: [
    {
      place: 'VirtualHost',
      drop: [
        'SetEnv downgrade-1.0 …',
        'SetEnv force-response-1.0 …',
        'BrowserMatch … force-response-1.0',
      ],
    },
  ],
  idle: [{ place: 'VirtualHost', put: ['ProxyTimeout 3600'] }],
  'idle-websocket': [{ place: 'VirtualHost', put: ['ProxyTimeout 3600'] }],
  websocket: [
    {
      place: 'VirtualHost',
      put: [`ProxyPass "/" "${upstream}/" upgrade=websocket`],
      note: 'from 2.4.47 on; before, with mod_proxy_wstunnel: ProxyPass "/ws" "ws://127.0.0.1:8080/ws"',
    },
  ],
  'last-event-id': [{ place: 'VirtualHost', drop: ['RequestHeader unset Last-Event-ID'] }],
  authorization: [{ place: 'VirtualHost', drop: ['RequestHeader unset Authorization'] }],
  'origin-header': [{ place: 'VirtualHost', drop: ['RequestHeader unset Origin'] }],
  host: [{ place: 'VirtualHost', put: ['ProxyPreserveHost On'] }],
  cors: [
    {
      place: 'VirtualHost',
      drop: [`Header always set ${corsHeaders}…`, `Header set ${corsHeaders}…`],
    },
  ],
}

/** https://docs.haproxy.org/2.6/configuration.html. It holds nothing back by itself. */
const haproxy: Remedies = {
  path: [{ place: 'backend', put: ['http-request replace-path /prefix(/)?(.*) /\\2'] }],
  buffering: [
    { place: 'backend', put: ['option http-no-delay'], drop: ['http-response wait-for-body …'] },
  ],
  compression: [
    {
      place: 'frontend, backend or defaults',
      put: ['compression type text/html text/css text/javascript application/json'],
      note: 'without text/event-stream; it keeps its hands off whatever has no-transform, too',
    },
  ],
  'content-type': [
    { place: 'frontend, backend', drop: ['http-response set-header Content-Type …'] },
  ],
  'cache-control': [
    {
      place: 'frontend, backend',
      drop: ['http-response set-header Cache-Control …', 'http-response del-header Cache-Control'],
    },
  ],
  caching: [
    {
      place: 'frontend, backend',
      drop: ['http-request cache-use …', 'http-response cache-store …'],
    },
  ],
  chunked: [{ place: 'frontend', drop: ['option httpclose'] }],
  idle: [
    { place: 'frontend', put: ['timeout client 1h'] },
    { place: 'backend', put: ['timeout server 1h'] },
  ],
  'idle-websocket': [{ place: 'backend', put: ['timeout tunnel 1h'] }],
  websocket: [
    {
      place: 'frontend, backend',
      put: ['mode http'],
      drop: ['http-request del-header Upgrade', 'http-request del-header Connection'],
    },
  ],
  'last-event-id': [
    { place: 'frontend, backend', drop: ['http-request del-header Last-Event-ID'] },
  ],
  authorization: [{ place: 'frontend, backend', drop: ['http-request del-header Authorization'] }],
  'origin-header': [{ place: 'frontend, backend', drop: ['http-request del-header Origin'] }],
  host: [{ place: 'frontend, backend', drop: ['http-request set-header Host …'] }],
  cors: [
    {
      place: 'frontend, backend',
      drop: [
        `http-response set-header ${corsHeaders}…`,
        `http-response del-header ${corsHeaders}…`,
        'http-request return … if METH_OPTIONS',
      ],
    },
  ],
}

/** https://caddyserver.com/docs/caddyfile/directives/reverse_proxy, and encode there. */
const caddy: Remedies = {
  path: [{ place: 'site', put: [`handle_path /prefix/* { reverse_proxy ${upstream} }`] }],
  buffering: [
    {
      place: 'reverse_proxy',
      put: ['flush_interval -1'],
      drop: ['response_buffers …', 'buffer_responses'],
    },
  ],
  compression: [
    {
      place: 'site',
      put: ['@compressed not path */events', 'encode @compressed gzip zstd'],
      drop: ['encode gzip …', 'encode zstd …'],
    },
  ],
  'content-type': [
    { place: 'site, reverse_proxy', drop: ['header Content-Type …', 'header_down Content-Type …'] },
  ],
  'cache-control': [
    {
      place: 'site, reverse_proxy',
      drop: ['header Cache-Control …', 'header_down -Cache-Control'],
    },
  ],
  caching: [{ place: 'site', drop: ['cache …'] }],
  chunked: [{ place: 'reverse_proxy', drop: ['response_buffers …', 'buffer_responses'] }],
  idle: [
    { place: 'transport http of reverse_proxy', drop: ['read_timeout …'] },
    { place: 'servers of the global options', drop: ['write …', 'idle …'] },
  ],
  'idle-websocket': [
    { place: 'reverse_proxy', drop: ['stream_timeout …'] },
    { place: 'transport http of reverse_proxy', drop: ['read_timeout …'] },
  ],
  websocket: [{ place: 'reverse_proxy', drop: ['header_up -Upgrade', 'header_up -Connection'] }],
  'last-event-id': [{ place: 'reverse_proxy', drop: ['header_up -Last-Event-ID'] }],
  authorization: [{ place: 'reverse_proxy', drop: ['header_up -Authorization'] }],
  'origin-header': [{ place: 'reverse_proxy', drop: ['header_up -Origin'] }],
  host: [{ place: 'reverse_proxy', drop: ['header_up Host {upstream_hostport}'] }],
  cors: [
    {
      place: 'site, reverse_proxy',
      drop: [`header ${corsHeaders}…`, `header_down -${corsHeaders}…`],
    },
  ],
}

/** https://doc.traefik.io/traefik: services, the middlewares compress, headers and buffering, entry points. */
const traefik: Remedies = {
  path: [{ place: 'middlewares', put: ['stripPrefix: { prefixes: [/prefix] }'] }],
  buffering: [
    {
      place: 'services: NAME: loadBalancer',
      put: ['responseForwarding: { flushInterval: -1ms }'],
      drop: ['the middleware buffering, on this router'],
    },
  ],
  compression: [
    { place: 'middlewares: NAME: compress', put: ['excludedContentTypes: [text/event-stream]'] },
  ],
  'content-type': [
    { place: 'middlewares: NAME: headers', drop: ['customResponseHeaders: Content-Type: …'] },
  ],
  'cache-control': [
    { place: 'middlewares: NAME: headers', drop: ['customResponseHeaders: Cache-Control: …'] },
  ],
  caching: [{ place: 'routers: NAME', drop: ['a middleware or plugin that caches'] }],
  chunked: [{ place: 'routers: NAME', drop: ['the middleware buffering'] }],
  idle: [
    {
      place: 'entryPoints: NAME: transport (static)',
      put: ['respondingTimeouts: { readTimeout: 0, writeTimeout: 0 }'],
    },
  ],
  'idle-websocket': [
    {
      place: 'entryPoints: NAME: transport (static)',
      put: ['respondingTimeouts: { readTimeout: 0, writeTimeout: 0 }'],
    },
  ],
  websocket: [{ place: 'middlewares: NAME: headers', drop: ['customRequestHeaders: Upgrade: …'] }],
  'last-event-id': [
    { place: 'middlewares: NAME: headers', drop: ['customRequestHeaders: Last-Event-ID: ""'] },
  ],
  authorization: [
    {
      place: 'middlewares',
      drop: ['customRequestHeaders: Authorization: ""', 'basicAuth: removeHeader: true'],
    },
  ],
  'origin-header': [
    { place: 'middlewares: NAME: headers', drop: ['customRequestHeaders: Origin: ""'] },
  ],
  host: [{ place: 'services: NAME: loadBalancer', put: ['passHostHeader: true'] }],
  cors: [{ place: 'middlewares: NAME: headers', drop: ['accessControlAllow…'] }],
}

const albAttribute =
  'aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN --attributes'
const albHolds: readonly Remedy[] = [
  {
    place: 'target group',
    note: 'a load balancer of AWS does not do this itself, but a Lambda target does: use instance or ip',
  },
]
const albPasses: readonly Remedy[] = [
  {
    place: 'listener',
    note: 'a load balancer of AWS passes this on: look at what is behind or before it',
  },
]
const albIdle: readonly Remedy[] = [
  { place: 'command line', put: [`${albAttribute} Key=idle_timeout.timeout_seconds,Value=300`] },
]

/** https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html */
const alb: Remedies = {
  path: [{ place: 'listener rule', note: 'add a transform that rewrites /prefix/(.*) to /$1' }],
  buffering: albHolds,
  compression: albPasses,
  'content-type': albPasses,
  'cache-control': albPasses,
  caching: albPasses,
  chunked: albHolds,
  idle: albIdle,
  'idle-websocket': albIdle,
  websocket: [
    {
      place: 'target group',
      note: 'the protocol version has to be HTTP1; with HTTP2 there is no WebSocket',
    },
  ],
  'last-event-id': albPasses,
  authorization: albPasses,
  'origin-header': albPasses,
  host: [
    {
      place: 'command line',
      put: [`${albAttribute} Key=routing.http.preserve_host_header.enabled,Value=true`],
    },
  ],
  cors: [
    {
      place: 'listener attributes',
      drop: ['routing.http.response.access_control_allow_…'],
    },
  ],
}

const cfRules = 'Rules'
const cfTransform = 'Rules, Transform Rules'
const cfIdle: readonly Remedy[] = [
  {
    place: 'plan',
    note: 'it cuts what is silent for some 100 s, which only Enterprise can change: keep HEARTBEAT below',
  },
]

/** https://developers.cloudflare.com: rules/configuration-rules, cache-rules, compression-rules, network/websockets. */
const cloudflare: Remedies = {
  path: [{ place: cfTransform, note: 'rewrite the path without its prefix' }],
  buffering: [
    {
      place: `${cfRules}, Configuration Rules, for the path /events`,
      put: ['Response body buffering: None'],
    },
  ],
  compression: [
    { place: `${cfRules}, Compression Rules, for text/event-stream`, put: ['Disable compression'] },
  ],
  'content-type': [{ place: cfTransform, drop: ['Modify Response Header: Content-Type'] }],
  'cache-control': [
    {
      place: `${cfRules}, Cache Rules, for the service`,
      put: ['Bypass cache', 'Browser TTL: Respect origin TTL'],
    },
  ],
  caching: [{ place: `${cfRules}, Cache Rules, for the service`, put: ['Bypass cache'] }],
  chunked: [{ place: 'Speed, Settings', put: ['HTTP/2: On'] }],
  idle: cfIdle,
  'idle-websocket': cfIdle,
  websocket: [{ place: 'Network', put: ['WebSockets: On'] }],
  'last-event-id': [{ place: cfTransform, drop: ['Modify Request Header: remove Last-Event-ID'] }],
  authorization: [{ place: cfTransform, drop: ['Modify Request Header: remove Authorization'] }],
  'origin-header': [{ place: cfTransform, drop: ['Modify Request Header: remove Origin'] }],
  host: [{ place: `${cfRules}, Origin Rules`, drop: ['Host Header: Rewrite to …'] }],
  cors: [{ place: cfTransform, drop: [`Modify Response Header: ${corsHeaders}…`] }],
}

/** The lines of configuration that mend each problem, by proxy. */
export const remedies: Readonly<Record<ProxyName, Remedies>> = {
  nginx,
  apache,
  haproxy,
  caddy,
  traefik,
  alb,
  cloudflare,
}

/** How a proxy mends a problem; empty where the problem is not of a proxy’s making. */
export function remediesFor(proxy: ProxyName, code: ProblemCode): readonly Remedy[] {
  const known: Partial<Record<ProblemCode, readonly Remedy[]>> = remedies[proxy]
  return known[code] ?? []
}
