import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { ask, type Answer } from './ask.js'
import type { RunningApp } from './app.js'

/** Any part of a document. */
export interface Node {
  readonly [name: string]: unknown
}

/** An example, by its name in the document. */
export interface Example {
  readonly summary?: string
  readonly value: unknown
}

/** One of the document's operations. */
export interface DocumentedOperation {
  readonly method: string
  readonly path: string
  readonly operationId: string
  readonly summary: string
  readonly tags: readonly string[]
  readonly security: readonly Node[]
  readonly parameters?: readonly { name: string; in: string; schema: Node }[]
  readonly requestBody?: {
    content: Record<string, { schema: Node; examples?: Record<string, Example> }>
  }
  readonly responses: Record<
    string,
    { content?: Record<string, { schema: Node; examples?: Record<string, Example> }> }
  >
  readonly [extension: `x-${string}`]: unknown
}

/** The document of a service, and what it says of answers. */
export interface OpenApi {
  readonly document: Node & {
    readonly paths: Record<string, Record<string, object>>
    readonly components: { readonly schemas: Record<string, Node> }
  }
  readonly operations: readonly DocumentedOperation[]
  /** The operation of an id. */
  operation(operationId: string): DocumentedOperation
  /** Whether a value is one of this component; without fields that are not documented. */
  is(component: string, value: unknown): boolean
  /** Whether a value fits a schema of the document, such as a parameter's. */
  fits(schema: Node, value: unknown): boolean
  /** What an answer has that the document does not say; nothing, if all is well. */
  problems(of: DocumentedOperation, answer: Pick<Answer, 'status' | 'headers' | 'text'>): string[]
}

const methods = ['get', 'head', 'post', 'delete']
const base = 'https://ringcast.test/openapi.json'

/** Asks a service for its document. */
export async function openApiOf(
  app: RunningApp,
  headers: Record<string, string> = {},
): Promise<OpenApi> {
  const answer = await ask(`${app.url}/openapi.json`, { headers })
  if (answer.status !== 200) throw new Error(`no document: ${answer.text}`)
  const document = answer.json as OpenApi['document']
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
  ajv.addSchema(closed(document, document.components.schemas) as object, base)
  const compiled = new Map<string, ValidateFunction>()
  const ofSchema = new WeakMap<Node, ValidateFunction>()
  const validator = (pointer: string): ValidateFunction => {
    const schema = { $ref: `${base}#${pointer}`, unevaluatedProperties: false }
    const known = compiled.get(pointer) ?? ajv.compile(schema)
    compiled.set(pointer, known)
    return known
  }
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    methods
      .filter((method) => method in item)
      .map(
        (method) =>
          ({ ...item[method], method: method.toUpperCase(), path }) as DocumentedOperation,
      ),
  )
  return {
    document,
    operations,
    operation: (id) => operations.find(({ operationId }) => operationId === id)!,
    is: (component, value) => validator(`/components/schemas/${component}`)(value),
    fits(schema, value) {
      const isValid = ofSchema.get(schema) ?? ajv.compile(resolved(schema))
      ofSchema.set(schema, isValid)
      return isValid(value)
    },
    problems({ method, path, responses }, { status, headers, text }) {
      const response = responses[status]
      if (response === undefined) return [`${status} is not documented: ${text}`]
      if (method === 'HEAD' || status === 304) return []
      if (response.content === undefined) return text === '' ? [] : [`a body: ${text}`]
      const type = String(headers['content-type']).split(';')[0]!
      if (!(type in response.content)) return [`a body of ${type}`]
      if (type !== 'application/json') return []
      const steps = [
        'paths',
        path,
        method.toLowerCase(),
        'responses',
        String(status),
        'content',
        type,
      ]
      const isValid = validator(`/${[...steps, 'schema'].map(escaped).join('/')}`)
      if (isValid(JSON.parse(text))) return []
      return [ajv.errorsText(isValid.errors), text]
    },
  }
}

/** The parameters that the query of an operation has. */
export function queryOf({
  parameters = [],
}: DocumentedOperation): { name: string; schema: Node }[] {
  return parameters.filter((each) => each.in === 'query')
}

/** A text of a query as the schema of the parameter sees it. */
export function asParameter({ type }: Node, text: string): unknown {
  if (type === 'array') return [text]
  return type === 'integer' && /^-?\d+$/.test(text) ? Number(text) : text
}

/** A step of a JSON Pointer in the fragment of a URI (RFC 6901 section 6). */
function escaped(step: string): string {
  return encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))
}

function resolved(schema: Node): Node {
  const text = JSON.stringify(schema).replaceAll('"$ref":"#/', `"$ref":"${base}#/`)
  return JSON.parse(text) as Node
}

const values = new Set([
  'example',
  'examples',
  'enum',
  'const',
  'default',
  'mapping',
  'x-websocket',
])

/** The same, but that objects have no fields beside those that are documented. */
function closed(node: unknown, schemas: Record<string, Node>, isPart = false): unknown {
  if (Array.isArray(node)) return node.map((each) => closed(each, schemas))
  if (typeof node !== 'object' || node === null) return node
  const entries = Object.entries(node).map(([name, value]): [string, unknown] => {
    if (values.has(name)) return [name, value]
    // What is said together is closed together.
    if (name === 'allOf')
      return [name, (value as unknown[]).map((each) => closed(each, schemas, true))]
    // A component is closed where it is referred to.
    if (name === 'schemas') return [name, openComponents(schemas)]
    return [name, closed(value, schemas, name === 'not')]
  })
  const copy = Object.fromEntries(entries) as Record<string, unknown>
  // A combination is closed by its members.
  const name = /[^/]+$/.exec(String(copy['$ref']))![0]
  const isObject = [copy, schemas[name]].some(
    (each) => each?.['type'] === 'object' || each?.['allOf'],
  )
  if (isObject && !isPart && !('additionalProperties' in copy))
    copy['unevaluatedProperties'] = false
  return copy
}

function openComponents(schemas: Record<string, Node>): Node {
  const entries = Object.entries(schemas).map(([name, schema]) => [
    name,
    closed(schema, schemas, true),
  ])
  return Object.fromEntries(entries) as Node
}
